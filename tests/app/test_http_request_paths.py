"""Spellings of a path that mean the same route are answered alike, without a redirect."""

import json

import pytest

from app.asgi import AsgiApp
from app.http.request_paths import normalize_path
from tests.support.asgi_caller import AsgiCaller, sign_envelope
from tests.support.tiktok_webhooks import WEBHOOK_PATH, build_envelope

HANDSHAKE = "?hub.mode=subscribe&hub.verify_token=the-token-of-the-tests&hub.challenge=42"
WEBHOOK_SPELLINGS = (
    WEBHOOK_PATH,
    WEBHOOK_PATH + "/",
    WEBHOOK_PATH + "//",
    "/" + WEBHOOK_PATH,
    "/api//webhooks/tiktok",
    "/api/webhooks//tiktok/",
    "/api/webhooks/TikTok",
    "/API/Webhooks/tiktok/",
    "/api/webhooks/tiktok ",  # a percent-encoded blank that was copied along
)


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/posts/", "/posts"),
        ("/api//posts", "/api/posts"),
        ("//evil.example/api/posts", "/evil.example/api/posts"),
        ("/api/Posts", "/api/Posts"),
        ("/API/WEBHOOKS/TIKTOK/", "/api/webhooks/tiktok"),
        ("/api/webhooks/instagram/data-deletion/ ", "/api/webhooks/instagram/data-deletion"),
    ],
)
def test_slashes_mean_nothing_and_case_means_nothing_to_deliveries(path, normal):
    assert normalize_path(path) == normal


@pytest.mark.parametrize("spelling", WEBHOOK_SPELLINGS)
def test_a_delivery_is_stored_under_every_spelling_of_its_address(app, container, spelling):
    body, headers = sign_envelope(build_envelope())
    response = AsgiCaller(AsgiApp(app)).request(spelling, body, headers)
    assert (response.status, json.loads(response.body)["success"]) == (200, True)


@pytest.mark.parametrize("end", ["", "/"])
def test_a_handshake_is_answered_with_and_without_a_slash(app_factory, end):
    app = app_factory.create_app(
        FACEBOOK_APP_ID="1",
        FACEBOOK_APP_SECRET="app-secret",
        INSTAGRAM_REDIRECT_URI="http://127.0.0.1/api/auth/instagram/callback",
        INSTAGRAM_WEBHOOK_VERIFY_TOKEN="the-token-of-the-tests",
    )
    path = f"/api/webhooks/instagram{end}"
    response = app.test_client().get(path + HANDSHAKE)
    assert (response.status_code, response.text) == (200, "42")
    assert app.test_client().head(path + HANDSHAKE).status_code == 200
    options = app.test_client().options(path)
    assert options.status_code == 200
    assert {"GET", "POST"} <= set(options.headers["Allow"].split(", "))


def list_paths(app):
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for name, converter in rule._converters.items():
            value = "1" if type(converter).__name__ == "RowIdConverter" else "tiktok"
            path = path.replace(f"<int:{name}>", value).replace(f"<{name}>", value)
        if "<" not in path and path != "/":
            yield path


def test_every_route_answers_with_a_slash_at_its_end_as_without(app_factory):
    """Anonymous requests: most are refused, and none is redirected or not found because of it.

    Their number is above the limit for anonymous requests, which is raised here.
    """
    app = app_factory.create_app(RATE_LIMIT_ANONYMOUS="1000/1m", RATE_LIMIT_OAUTH="1000/1m")
    client, paths = app.test_client(), list(list_paths(app))
    assert len(paths) > 50
    for path in paths:
        plain, slashed, doubled = (
            client.get(spelling)
            for spelling in (path, path + "/", "/" + path[1:].replace("/", "//"))
        )
        assert plain.status_code == slashed.status_code == doubled.status_code, path
        assert (
            plain.headers.get("Location", "").split("?")[0]
            == (slashed.headers.get("Location", "").split("?")[0])
        )


def test_no_spelling_leads_to_a_foreign_host(app):
    caller = AsgiCaller(AsgiApp(app))
    for path in ("/api//posts", "//evil.example/", "/\\evil.example", "/login/", "//posts//"):
        for headers in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}, {}):
            response = caller.request(path, headers=headers, method="GET")
            assert "evil.example" not in response.headers.get("location", "")


def test_requests_to_an_unknown_webhook_address_are_counted(client):
    def count_unknown():
        text = client.get("/metrics").text
        line = "signalpost_webhook_unknown_path_total "
        return float(text.partition(f"\n{line}")[2].partition("\n")[0])

    before = count_unknown()
    for path in ("/api/webhooks/tiktoc", "/api/webhooks/tiktok/v2", "/api/webhooks/", "/nowhere"):
        assert client.post(path, json={}).status_code == 404
    assert count_unknown() == before + 3
