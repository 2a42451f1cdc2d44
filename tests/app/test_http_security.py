"""CSRF tokens, security headers, and https in production."""

import pytest

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
    assert "script" not in headers["Content-Security-Policy"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
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
