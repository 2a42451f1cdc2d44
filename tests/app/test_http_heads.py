"""What the head of a request may say: names of headers, hosts, sizes and kinds of bodies."""

import json

import pytest

from app.asgi import AsgiApp
from core.config.value_types import parse_host_names
from tests.support.asgi_caller import AsgiCaller, sign_envelope
from tests.support.tiktok_webhooks import WEBHOOK_PATH, build_envelope

PRODUCTION_SETTINGS = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
    "TRUSTED_PROXY_COUNT": "1",
}
HTTPS = {"X-Forwarded-Proto": "https"}
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture
def asgi_caller(app):
    return AsgiCaller(AsgiApp(app))


@pytest.fixture
def production_caller(app_factory):
    return AsgiCaller(AsgiApp(app_factory.create_app(**PRODUCTION_SETTINGS)))


def error_code(response):
    return json.loads(response.body)["error"]["code"]


def test_a_name_with_an_underscore_does_not_name_the_client(production_caller):
    """The eleventh login of one address is refused, whatever else the client sends."""
    statuses = []
    for number in range(11):
        headers = {
            "Host": "post.example.org",
            **HTTPS,
            **JSON_TYPE,
            "X-Forwarded-For": "203.0.113.7",
            "X_Forwarded_For": f"192.0.2.{number}",
            "X_Forwarded-For": f"192.0.2.{number + 100}",
        }
        login = json.dumps({"email": f"unknown{number}@example.org", "password": "x"}).encode()
        statuses.append(production_caller.request("/api/auth/login", login, headers).status)
    assert statuses == [401] * 10 + [429]


def test_a_name_with_an_underscore_is_no_scheme_and_no_host(production_caller):
    spoofed = {"Host": "post.example.org", "X_Forwarded_Proto": "https"}
    assert production_caller.request("/login", method="GET", headers=spoofed).status == 308
    spoofed = {"Host": "post.example.org", **HTTPS, "X_Forwarded_Host": "evil.example"}
    response = production_caller.request("/posts", method="GET", headers=spoofed)
    assert response.status == 302
    assert "evil.example" not in response.headers["location"]


def test_a_name_with_an_underscore_opens_no_metrics(app_factory):
    app = app_factory.create_app(TRUSTED_PROXY_COUNT="1")
    headers = {"X-Forwarded-For": "8.8.8.8", "X_Forwarded_For": "10.0.0.1"}
    response = AsgiCaller(AsgiApp(app)).request("/metrics", method="GET", headers=headers)
    assert response.status == 401


@pytest.mark.parametrize("query", ["", "?a=1"])  # stored by the event loop, and by Flask
def test_a_signature_under_a_name_with_an_underscore_is_none(asgi_caller, query):
    body, headers = sign_envelope(build_envelope())
    headers["TikTok_Signature"] = headers.pop("TikTok-Signature")
    response = asgi_caller.request(WEBHOOK_PATH + query, body, headers)
    assert (response.status, error_code(response)) == (401, "missing_signature")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("post.example.org", 200),
        ("post.example.org:443", 200),
        ("POST.example.org", 200),
        ("web", 200),
        ("a.example.net:8000", 200),
        ("evil.example", 400),
        ("post.example.org.evil.example", 400),
        ("notexample.net", 400),
        ("localhost", 400),
        ("127.0.0.1", 400),
        ("post.example.org,evil.example", 400),
        ("post.example.org@evil.example", 400),
        ("", 400),
    ],
)
def test_in_production_only_the_names_of_this_installation_are_answered(app_factory, host, status):
    app = app_factory.create_app(**PRODUCTION_SETTINGS, TRUSTED_HOSTS="web, .example.net")
    caller = AsgiCaller(AsgiApp(app))
    response = caller.request("/login", method="GET", headers={"Host": host, **HTTPS})
    assert response.status == status
    response = caller.request("/api/auth/me", method="GET", headers={"Host": host, **HTTPS})
    assert response.status == (401 if status == 200 else 400)
    if status == 400:
        assert error_code(response) == "untrusted_host"
        is_one_name = host.replace(".", "").isalnum()
        words = "TRUSTED_HOSTS" if is_one_name else "the header Host once"
        assert words in json.loads(response.body)["error"]["message"]


def test_a_proxy_does_not_make_a_foreign_host_ours(production_caller):
    headers = {"Host": "post.example.org", **HTTPS, "X-Forwarded-Host": "evil.example"}
    assert production_caller.request("/login", method="GET", headers=headers).status == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_checks_are_answered_by_ip_address(production_caller, path):
    response = production_caller.request(path, method="GET", headers={"Host": "10.0.0.7:8000"})
    assert response.status in {200, 503}


def test_deliveries_are_judged_by_their_signature_and_not_by_their_host(production_caller):
    for query in ("", "?a=1"):
        body, headers = sign_envelope(build_envelope(), {"Host": "hooks.example.com", **HTTPS})
        assert production_caller.request(WEBHOOK_PATH + query, body, headers).status == 200


@pytest.mark.parametrize("host", ["localhost:8000", "app.localhost", "127.0.0.2", "[::1]:8000"])
def test_in_development_this_machine_is_answered_under_its_own_names(asgi_caller, host):
    assert asgi_caller.request("/login", method="GET", headers={"Host": host}).status == 200


def test_in_development_a_foreign_name_is_refused_too(asgi_caller):
    """It may be a page elsewhere whose name leads to this machine."""
    response = asgi_caller.request("/login", method="GET", headers={"Host": "evil.example"})
    assert response.status == 400


@pytest.mark.parametrize("text", ["https://example.org", "example.org:8000", "a b/c", "*.example"])
def test_trusted_hosts_are_names_without_scheme_and_port(text):
    with pytest.raises(ValueError, match="host names without ports"):
        parse_host_names(text)


@pytest.mark.parametrize("path", ["/logout", "/login", "/settings/keys", "/api/posts", "/nowhere"])
def test_multipart_is_refused_unread_and_in_words(asgi_caller, path):
    headers = {"Content-Type": "Multipart/form-data; boundary=x", "Content-Length": "6000000000"}
    response = asgi_caller.request(path, b"--x", headers)
    assert response.status == 415
    assert b"multipart/form-data is not accepted" in response.body or path[1:4] != "api"


@pytest.mark.parametrize("path", ["/logout", "/login", "/settings/keys", "/api/posts", "/nowhere"])
def test_a_body_that_is_announced_too_large_is_refused_unread(asgi_caller, path):
    response = asgi_caller.request(path, b"a", {"Content-Length": "6000000000"})
    assert response.status == 413


@pytest.mark.parametrize(
    ("path", "limit"), [("/logout", 65_536), ("/api/auth/login", 65_536), ("/api/posts", 524_288)]
)
def test_a_body_that_grows_too_large_is_refused_with_its_limit(asgi_caller, client, path, limit):
    chunked = {"Transfer-Encoding": "chunked", **JSON_TYPE, "Content-Length": ""}
    assert asgi_caller.request(path, b" " * (limit + 1), {**JSON_TYPE}).status == 413
    del chunked["Content-Length"]
    response = asgi_caller.request(path, b" " * (max(limit, 524_288) + 1), chunked)
    assert response.status == 413
    # The same without the event loop in front, as under another server.
    assert client.post(path, data=b" " * (limit + 1), headers=JSON_TYPE).status_code in {401, 413}
