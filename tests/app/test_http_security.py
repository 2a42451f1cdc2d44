"""CSRF tokens, security headers, and https in production."""

import base64
import hashlib
import re

import pytest
from itsdangerous import URLSafeTimedSerializer

NEW_KEY = {"name": "n", "scopes": ["posts:read"]}


def test_a_cookie_without_the_csrf_token_changes_nothing(signed_in_client):
    response = signed_in_client.without_csrf_token().post("/api/keys", json=NEW_KEY)
    assert response.status_code == 403
    assert response.json["error"]["code"] == "csrf_detected"
    assert signed_in_client.get("/api/keys").json["data"] == []


def test_a_cookie_with_the_csrf_token_may_change_data(signed_in_client):
    assert signed_in_client.post("/api/keys", json=NEW_KEY).status_code == 201


def test_the_csrf_token_of_another_session_is_refused(sign_in, make_user):
    alice, mallory = make_user(), make_user("mallory@example.org")
    browser = sign_in(alice).without_csrf_token()
    token = sign_in(mallory).csrf_token
    response = browser.post("/api/keys", json=NEW_KEY, headers={"X-CSRF-Token": token})
    assert response.status_code == 403


def test_a_csrf_token_from_before_the_login_is_refused(sign_in, make_user):
    alice = make_user()
    browser = sign_in(alice)
    old = browser.csrf_token
    browser.sign_in(alice).without_csrf_token()
    response = browser.post("/api/keys", json=NEW_KEY, headers={"X-CSRF-Token": old})
    assert response.status_code == 403


def csrf_cookie(browser):
    return browser.get_cookie("signalpost_csrf").value


def test_a_csrf_cookie_and_token_of_somebody_else_change_nothing(sign_in, make_user, make_browser):
    """As if another subdomain had set the cookie: both belong together, but not to this session."""
    victim, mallory = sign_in(make_user()), sign_in(make_user("mallory@example.org"))
    anonymous = make_browser()
    login_token = re.search(r'name="csrf_token" value="([^"]+)"', anonymous.get("/login").text)[1]
    for cookie, token in (
        (csrf_cookie(mallory), mallory.csrf_token),
        (csrf_cookie(anonymous), login_token),
    ):
        victim.set_cookie("signalpost_csrf", cookie)
        planted = {"X-CSRF-Token": token}
        assert victim.post("/api/keys", json=NEW_KEY, headers=planted).status_code == 403
        # A page does not take the planted seed over.
        victim.get("/settings")
        assert victim.post("/api/keys", json=NEW_KEY, headers=planted).status_code == 403
    fresh = victim.get("/api/auth/me").json["csrfToken"]
    headers = {"X-CSRF-Token": fresh}
    assert victim.post("/api/keys", json=NEW_KEY, headers=headers).status_code == 201


def test_the_csrf_cookie_and_token_are_signed_with_sha256(signed_in_client):
    lengths = {
        len(base64.urlsafe_b64decode(signed.rpartition(".")[2] + "=="))
        for signed in (csrf_cookie(signed_in_client), signed_in_client.csrf_token)
    }
    assert lengths == {hashlib.sha256().digest_size}


def sign_with_sha1(serializer, value, **options):
    """As the previous release signed: what it signs today, with another hash function."""
    old = URLSafeTimedSerializer(
        serializer.secret_keys,
        salt=serializer.salt,
        serializer=serializer.serializer,
        signer_kwargs={"digest_method": hashlib.sha1, **options},
    )
    return old.dumps(value)


def test_a_form_of_the_previous_release_is_accepted_and_nothing_is_signed_like_it(
    signed_in_client, monkeypatch
):
    app = signed_in_client.application
    cookies = app.session_interface.get_signing_serializer(app)
    values = cookies.loads(csrf_cookie(signed_in_client))
    tokens = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token")
    old_token = sign_with_sha1(tokens, values["csrf_token"])
    old_cookie = sign_with_sha1(cookies, values, key_derivation="hmac")

    def send_old_form():
        signed_in_client.set_cookie("signalpost_csrf", old_cookie)
        headers = {"X-CSRF-Token": old_token}
        return signed_in_client.post("/api/keys", json=NEW_KEY, headers=headers).status_code

    assert send_old_form() == 201
    assert signed_in_client.get("/api/auth/me").json["csrfToken"] != old_token
    monkeypatch.setattr(URLSafeTimedSerializer, "default_fallback_signers", [])
    assert send_old_form() == 403  # the control


def test_a_session_whose_csrf_cookie_is_gone_gets_another_one(signed_in_client):
    signed_in_client.delete_cookie("signalpost_csrf")
    assert signed_in_client.post("/api/keys", json=NEW_KEY).status_code == 403
    token = signed_in_client.get("/api/auth/me").json["csrfToken"]
    headers = {"X-CSRF-Token": token}
    assert signed_in_client.post("/api/keys", json=NEW_KEY, headers=headers).status_code == 201


def test_messages_for_the_next_page_survive_a_new_token(signed_in_client):
    """Signing out drops the token and keeps the message."""
    page = signed_in_client.post("/logout", follow_redirects=True)
    assert "You are signed out." in page.text


@pytest.mark.parametrize(
    "path", ["/", "/settings/keys", "/settings", "/api/auth/me", "/posts", "/nothing"]
)
def test_what_a_person_sees_is_stored_by_no_cache(signed_in_client, path):
    assert signed_in_client.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/statusz", "/metrics"])
def test_what_a_health_check_says_is_stored_by_no_cache(client, path):
    assert client.get(path).headers["Cache-Control"] == "no-store"


def test_the_page_with_a_new_key_is_stored_by_no_cache(signed_in_client):
    token = signed_in_client.csrf_token
    form = {"name": "n", "scope": "posts:read", "csrf_token": token}
    page = signed_in_client.post("/settings/keys", data=form)
    assert "sp_" in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_a_bearer_token_needs_no_csrf_token(make_user, make_api_client):
    api_client = make_api_client(make_user())
    assert api_client.post("/api/auth/logout").status_code == 200


def test_a_wrong_bearer_token_does_not_fall_back_to_the_cookie(signed_in_client):
    forged = {"Authorization": "Bearer sp_00000000_wrong"}
    response = signed_in_client.without_csrf_token().post("/api/keys", json=NEW_KEY, headers=forged)
    assert response.status_code == 401


@pytest.mark.parametrize("path", ["/", "/api/auth/me", "/nothing"])
def test_every_response_has_the_security_headers(client, path):
    headers = client.get(path).headers
    assert "unsafe" not in headers["Content-Security-Policy"]
    for directive in (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'"),
        *("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"),
    ):
        assert directive in headers["Content-Security-Policy"].split("; ")
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


def test_urls_with_codes_send_no_referrer(client):
    response = client.get("/api/auth/tiktok/callback?code=x&state=y")
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.fixture
def production_client(app_factory):
    return app_factory.create_app(
        ENVIRONMENT="production",
        PUBLIC_URL="https://post.example.org",
        TIKTOK_REDIRECT_URI="https://post.example.org/api/auth/tiktok/callback",
        TRUSTED_PROXY_COUNT="1",
        TRUSTED_HOSTS="localhost",  # the name that the test client uses
    ).test_client()


HTTPS_HEADERS = {"X-Forwarded-Proto": "https"}


def test_production_serves_https_only(production_client):
    response = production_client.get("/login?next=/posts")
    assert (response.status_code, response.location) == (
        308,
        "https://post.example.org/login?next=/posts",
    )
    assert production_client.post("/api/auth/login", json={}).status_code == 403
    assert production_client.get("/healthz").status_code == 200


def test_a_call_of_the_api_without_tls_is_refused_and_not_redirected(production_client):
    assert production_client.get("/api/posts").status_code == 403
    headers = {"Authorization": "Bearer sp_a_key"}
    assert production_client.get("/api/auth/me", headers=headers).status_code == 403
    assert production_client.get("/api/auth/tiktok").status_code == 308
    assert production_client.get("/api/posts", headers=HTTPS_HEADERS).status_code == 401


def test_trace_is_answered_by_no_route(client):
    for path in ("/login", "/api/posts", "/healthz", "/static/style.css"):
        assert client.open(path, method="TRACE").status_code == 405


def test_production_sends_strict_transport_security(production_client):
    assert (
        "max-age"
        in production_client.get("/healthz", headers=HTTPS_HEADERS).headers[
            "Strict-Transport-Security"
        ]
    )


def test_cookies_of_production_are_secure(production_client):
    response = production_client.post(
        "/api/auth/login",
        json={"email": "a@example.org", "password": "wrong"},
        headers=HTTPS_HEADERS,
    )
    assert response.status_code == 401
    assert all("Secure" in cookie for cookie in response.headers.getlist("Set-Cookie"))


def test_no_other_subdomain_can_set_the_cookies_of_production(production_client, make_user):
    alice = make_user()
    signed_in = production_client.post(
        "/api/auth/login",
        json={"email": alice.email, "password": alice.password},
        headers=HTTPS_HEADERS,
    )
    started = production_client.get("/api/auth/tiktok", headers=HTTPS_HEADERS)
    cookies = signed_in.headers.getlist("Set-Cookie") + started.headers.getlist("Set-Cookie")
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert names >= {"__Host-signalpost_session", "__Host-signalpost_csrf"}
    for cookie in cookies:
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
        assert not any(part.startswith("domain") for part in attributes)
        assert cookie.startswith("__Host-")
    signed_out = production_client.post(
        "/api/auth/logout",
        headers=HTTPS_HEADERS
        | {"X-CSRF-Token": signed_in.json["csrfToken"], "Referer": "https://localhost/"},
    )
    assert signed_out.status_code == 200, signed_out.text
    assert production_client.get("/api/auth/me", headers=HTTPS_HEADERS).status_code == 401
