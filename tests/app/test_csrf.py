import pytest

NEW_KEY = {"name": "n", "scopes": ["posts:read"]}


def test_a_cookie_alone_changes_nothing(signed_in_client):
    answer = signed_in_client.without_token().post("/api/keys", json=NEW_KEY)
    assert answer.status_code == 403
    assert answer.json["error"]["code"] == "csrf_detected"
    assert signed_in_client.get("/api/keys").json["data"] == []


def test_with_the_token_it_does(signed_in_client):
    assert signed_in_client.post("/api/keys", json=NEW_KEY).status_code == 201


def test_the_token_of_another_browser_is_worth_nothing(signed_in, a_user):
    alice, mallory = a_user(), a_user("mallory@example.org")
    browser = signed_in(alice).without_token()
    token = signed_in(mallory).token
    answer = browser.post("/api/keys", json=NEW_KEY, headers={"X-CSRF-Token": token})
    assert answer.status_code == 403


def test_a_token_from_before_the_login_ends_with_it(signed_in, a_user):
    alice = a_user()
    browser = signed_in(alice)
    old = browser.token
    browser.sign_in(alice).without_token()
    answer = browser.post("/api/keys", json=NEW_KEY, headers={"X-CSRF-Token": old})
    assert answer.status_code == 403


def test_a_bearer_needs_no_token(a_user, a_program):
    program = a_program(a_user())
    assert program.post("/api/auth/logout").status_code == 200


def test_a_wrong_bearer_does_not_borrow_the_cookie(signed_in_client):
    forged = {"Authorization": "Bearer sp_00000000_wrong"}
    answer = signed_in_client.without_token().post("/api/keys", json=NEW_KEY, headers=forged)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/", "/api/auth/me", "/nothing"])
def test_every_answer_carries_the_headers(client, path):
    headers = client.get(path).headers
    assert "script" not in headers["Content-Security-Policy"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


def test_addresses_with_codes_in_them_are_told_to_nobody(client):
    answer = client.get("/api/auth/tiktok/callback?code=x&state=y")
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.fixture
def production(stage):
    return stage.house(
        ENVIRONMENT="production",
        PUBLIC_URL="https://post.example.org",
        TIKTOK_REDIRECT_URI="https://post.example.org/api/auth/tiktok/callback",
        TRUSTED_PROXY_COUNT="1",
    ).test_client()


TLS = {"X-Forwarded-Proto": "https"}


def test_production_speaks_https_only(production):
    answer = production.get("/login?next=/posts")
    assert (answer.status_code, answer.location) == (
        308,
        "https://post.example.org/login?next=/posts",
    )
    assert production.post("/api/auth/login", json={}).status_code == 403
    assert production.get("/healthz").status_code == 200


def test_production_is_remembered_as_https_by_browsers(production):
    assert "max-age" in production.get("/healthz", headers=TLS).headers["Strict-Transport-Security"]


def test_cookies_of_production_never_travel_in_the_clear(production):
    answer = production.post(
        "/api/auth/login", json={"email": "a@example.org", "password": "wrong"}, headers=TLS
    )
    assert answer.status_code == 401
    assert all("Secure" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
