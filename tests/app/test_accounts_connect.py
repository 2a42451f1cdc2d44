"""The OAuth flow as a browser follows it; the platform's answers are scripted."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from app.http.context import CONTAINER_KEY
from db.accounts.accounts import Account
from db.accounts.oauth_states import MAX_STATES_PER_USER, OAuthState, OAuthStates
from db.ops.audit import AuditEntry
from tests.platforms.hostile_server import hostile_server, http_response, set_responses
from tests.platforms.tiktok_responses import error_response, flat_response, ok_response

START_ROUTE, CALLBACK_ROUTE = "/api/auth/tiktok", "/api/auth/tiktok/callback"
STATE_COOKIE = "tiktok_oauth_state"
PROFILE_RESPONSE = ok_response(
    user={"open_id": "-000o", "display_name": "Ada", "avatar_url": "https://p/a.png"}
)


def grant_response(**fields):
    defaults = {
        "access_token": "act.canary",
        "expires_in": 7200,
        "open_id": "-000o",
        "refresh_expires_in": 15_552_000,
        "refresh_token": "rft.canary",
        "scope": "user.info.basic,video.upload",
    }
    return flat_response(**{**defaults, **fields})


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        set_responses(server, grant_response(), PROFILE_RESPONSE)
        yield server


@pytest.fixture
def app(app_factory, platform_server):
    return app_factory.create_app(
        TIKTOK_API_BASE_URL=platform_server.url, TIKTOK_AUTH_BASE_URL=platform_server.url
    )


@pytest.fixture
def load_rows(app):
    """Loads all rows of a model."""

    def load(model):
        with app.extensions[CONTAINER_KEY].database.transaction() as session:
            return list(session.scalars(select(model)))

    return load


def redirect_query(response):
    assert response.status_code == 302, response.text
    return {name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()}


def find_state_cookie(response, name=STATE_COOKIE):
    (state_cookie,) = [
        cookie for cookie in response.headers.getlist("Set-Cookie") if cookie.startswith(name)
    ]
    return state_cookie


def start_oauth(browser, **query):
    """Start the flow and return its state."""
    return redirect_query(browser.get(START_ROUTE, query_string=query))["state"]


def test_the_browser_is_sent_to_the_platform_with_one_state(
    signed_in_client, load_rows, platform_server
):
    response = signed_in_client.get(START_ROUTE)
    query_params = redirect_query(response)
    assert response.location.startswith(f"{platform_server.url}/v2/auth/authorize/?client_key=key&")
    assert query_params["redirect_uri"] == "http://127.0.0.1/api/auth/tiktok/callback"
    (row,) = load_rows(OAuthState)
    assert row.state == query_params["state"]
    assert len(bytes.fromhex(row.state)) == 32
    cookie = find_state_cookie(response)
    assert cookie.startswith(f"{STATE_COOKIE}={row.state};")
    for part in ("HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    assert "disable_auto_auth" not in query_params


def test_adding_another_account_forces_a_new_consent(signed_in_client):
    assert (
        redirect_query(signed_in_client.get(START_ROUTE + "?switch=1"))["disable_auto_auth"] == "1"
    )


def test_the_state_cookie_is_secure_in_production(app_factory, make_user):
    app = app_factory.create_app(
        ENVIRONMENT="production",
        PUBLIC_URL="https://posts.example.org",
        TIKTOK_REDIRECT_URI="https://posts.example.org/api/auth/tiktok/callback",
    )
    response = app.test_client().get(
        f"{CALLBACK_ROUTE}?error=access_denied", base_url="https://posts.example.org"
    )
    cookie = find_state_cookie(response, "__Host-" + STATE_COOKIE)
    assert "Secure" in cookie


def test_an_anonymous_visitor_signs_in_first_and_returns(client):
    response = client.get(START_ROUTE + "?switch=1")
    assert urlsplit(response.location).path == "/login"
    assert redirect_query(response)["next"] == "/api/auth/tiktok?switch=1"


def test_a_platform_that_is_off_is_explained_on_its_page(signed_in_client):
    response = signed_in_client.get("/api/auth/instagram")
    assert urlsplit(response.location).path == "/platforms/connect/instagram"
    query_params = redirect_query(response)
    assert query_params["error"] == "oauth_not_configured"
    assert query_params["ref"] == response.headers["X-Request-Id"]


def test_a_connection_is_stored_encrypted_and_named(
    signed_in_client, load_rows, platform_server, container
):
    state = start_oauth(signed_in_client)
    response = signed_in_client.get(
        CALLBACK_ROUTE, query_string={"code": "abc*1!x", "state": state}
    )
    (account,) = load_rows(Account)
    assert response.location == f"/platforms/connect/tiktok?success=true&account={account.id}"
    assert b"code=abc%2A1%21x" in platform_server.requests[0][1]
    assert account.details == {
        "display_name": "Ada",
        "avatar_url": "https://p/a.png",
        "token_type": "Bearer",
    }
    assert (account.open_id, account.scope) == ("-000o", "user.info.basic,video.upload")
    assert account.refresh_expires_at is not None
    assert account.last_refreshed_at < account.due_at < account.expires_at
    assert "canary" not in f"{account.access_token_encrypted}{account.refresh_token_encrypted}"
    assert load_rows(OAuthState) == []
    assert [entry.action for entry in load_rows(AuditEntry)][-1] == "account.connected"


def test_the_flow_returns_to_the_requested_path(signed_in_client):
    state = start_oauth(signed_in_client, next="/platforms/tiktok/upload?x=1")
    response = signed_in_client.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
    assert response.location.startswith("/platforms/tiktok/upload?x=1&success=true&account=")


def test_the_flow_never_returns_to_another_host(signed_in_client):
    state = start_oauth(signed_in_client, next="//evil.example/x")
    response = signed_in_client.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
    assert response.location.startswith("/platforms/connect/tiktok?success=true")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"error": "access_denied", "code": "c", "state": "s"}, "access_denied"),
        ({"error": "access_denied", "error_type": "non_sandbox_target"}, "non_sandbox_target"),
        ({"error": "<b>words</b>", "error_description": "words"}, "unknown_error"),
        ({"state": "s"}, "missing_code"),
        ({"code": "c"}, "invalid_request"),
        ({"code": "c", "state": "s"}, "invalid_state"),
    ],
)
def test_an_incomplete_callback_is_explained_by_its_code(
    signed_in_client, query, code, platform_server
):
    start_oauth(signed_in_client)
    response = signed_in_client.get(CALLBACK_ROUTE, query_string=query)
    assert urlsplit(response.location).path == "/platforms/connect/tiktok"
    assert redirect_query(response)["error"] == code
    assert "words" not in response.location
    assert find_state_cookie(response).startswith(f"{STATE_COOKIE}=;")
    assert platform_server.requests == []


def test_a_callback_without_a_session_goes_to_the_login(client):
    response = client.get(CALLBACK_ROUTE, query_string={"code": "c", "state": "s"})
    assert urlsplit(response.location).path == "/login"
    assert redirect_query(response)["next"].startswith(
        "/platforms/connect/tiktok?error=unauthorized&ref="
    )


def test_a_state_can_be_used_once(signed_in_client, load_rows):
    state = start_oauth(signed_in_client)
    signed_in_client.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
    signed_in_client.set_cookie(STATE_COOKIE, state)
    response = signed_in_client.get(CALLBACK_ROUTE, query_string={"code": "d", "state": state})
    assert redirect_query(response)["error"] == "invalid_state"
    assert len(load_rows(Account)) == 1


def test_of_the_connections_that_a_user_starts_the_newest_twenty_can_be_completed(
    app, make_user, load_rows
):
    alice, bob = make_user(), make_user("bob@example.org")
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        for number in range(MAX_STATES_PER_USER + 2):
            OAuthStates(session).create(f"a{number}", user_id=alice.id, provider="tiktok")
        OAuthStates(session).create("b", user_id=bob.id, provider="tiktok")
    expected = {f"a{number}" for number in range(2, MAX_STATES_PER_USER + 2)} | {"b"}
    assert {row.state for row in load_rows(OAuthState)} == expected


def test_a_state_of_another_user_is_refused(sign_in, make_user, platform_server):
    alice, bob = sign_in(make_user("a@example.org")), sign_in(make_user("b@example.org"))
    state = start_oauth(alice)
    bob.set_cookie(STATE_COOKIE, state)
    response = bob.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
    assert redirect_query(response)["error"] == "invalid_state"
    assert platform_server.requests == []


def complete_oauth(browser, state, route=CALLBACK_ROUTE):
    return browser.get(route, query_string={"code": "c", "state": state})


def test_an_expired_state_is_refused(signed_in_client, run_sql, platform_server, load_rows):
    state = start_oauth(signed_in_client)
    run_sql("UPDATE oauth_states SET expires_at = now() - interval '1 s'")
    assert redirect_query(complete_oauth(signed_in_client, state))["error"] == "invalid_state"
    assert (platform_server.requests, load_rows(Account)) == ([], [])


def test_a_state_of_another_platform_is_refused(signed_in_client, platform_server, load_rows):
    state = start_oauth(signed_in_client)
    signed_in_client.set_cookie("instagram_oauth_state", state)
    route = "/api/auth/instagram/callback"
    assert "error" in redirect_query(complete_oauth(signed_in_client, state, route))
    assert (platform_server.requests, load_rows(Account)) == ([], [])


def test_a_callback_after_signing_out_connects_nothing(
    signed_in_client, platform_server, load_rows
):
    state = start_oauth(signed_in_client)
    signed_in_client.post("/api/auth/logout")
    assert urlsplit(complete_oauth(signed_in_client, state).location).path == "/login"
    assert (platform_server.requests, load_rows(Account)) == ([], [])


def test_a_callback_after_another_user_signed_in_connects_nothing(
    signed_in_client, make_user, platform_server, load_rows
):
    """In the same browser: the cookie of the state is there, the state is of the former user."""
    state = start_oauth(signed_in_client)
    signed_in_client.post("/api/auth/logout")
    del signed_in_client.environ_base["HTTP_X_CSRF_TOKEN"]
    signed_in_client.sign_in(make_user("bob@example.org"))
    assert redirect_query(complete_oauth(signed_in_client, state))["error"] == "invalid_state"
    assert (platform_server.requests, load_rows(Account)) == ([], [])


@pytest.mark.parametrize(
    ("platform_response", "code"),
    [
        (flat_response(error="invalid_grant", error_description="spent"), "token_exchange_failed"),
        (flat_response(error="invalid_client"), "invalid_credentials"),
        (http_response(429, b""), "rate_limited"),
        (http_response(503, b""), "platform_error"),
        (http_response(200, b"<html>"), "platform_error"),
    ],
)
def test_a_failed_exchange_is_explained_and_stores_nothing(
    signed_in_client, platform_server, load_rows, platform_response, code
):
    set_responses(platform_server, platform_response)
    state = start_oauth(signed_in_client)
    response = signed_in_client.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
    assert redirect_query(response)["error"] == code
    assert load_rows(Account) == []


def test_an_account_is_connected_even_if_its_profile_cannot_be_fetched(
    signed_in_client, platform_server, load_rows
):
    set_responses(platform_server, grant_response(), error_response(401, "scope_not_authorized"))
    state = start_oauth(signed_in_client)
    signed_in_client.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
    (account,) = load_rows(Account)
    assert account.details == {"token_type": "Bearer"}


def test_an_account_of_another_user_is_not_taken_over(
    sign_in, make_user, platform_server, load_rows
):
    for email, code in (("a@example.org", None), ("b@example.org", "account_already_connected")):
        set_responses(platform_server, grant_response(), PROFILE_RESPONSE)
        browser = sign_in(make_user(email))
        state = start_oauth(browser)
        response = browser.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
        assert redirect_query(response).get("error") == code
    assert len(load_rows(Account)) == 1


def test_a_permission_left_unticked_is_reported(signed_in_client, platform_server):
    set_responses(platform_server, grant_response(scope="user.info.basic"), PROFILE_RESPONSE)
    state = start_oauth(signed_in_client)
    signed_in_client.get(CALLBACK_ROUTE, query_string={"code": "c", "state": state})
    (notification,) = signed_in_client.get("/api/notifications").json["data"]
    assert (notification["kind"], notification["payload"]["why"]) == (
        "permissions_missing",
        "video.upload",
    )
    (account,) = signed_in_client.get("/api/platforms/tiktok/status").json["accounts"]
    assert account["missingScopes"] == ["video.upload"]


def test_no_token_code_or_state_reaches_a_log_or_an_answer(signed_in_client, capfd, caplog):
    state = start_oauth(signed_in_client)
    callback_query = {"code": "code-canary", "state": state}
    responses = [
        signed_in_client.get(CALLBACK_ROUTE, query_string=callback_query),
        signed_in_client.get("/api/platforms"),
        signed_in_client.post("/api/tiktok/disconnect", json={}),
        signed_in_client.get("/api/notifications"),
    ]
    output = "".join(
        [
            *capfd.readouterr(),
            caplog.text,
            *(f"{response.headers}{response.text}" for response in responses),
        ]
    )
    assert "/api/auth/tiktok/callback" in output
    assert "canary" not in output
    assert state not in output


@pytest.mark.parametrize("bytes_of_code", [5000, 20_000])
@pytest.mark.parametrize("prefix", ["%ff%fe", "%ed%a0%80", "a%0d%0ab", "%F0%9F%92%A9"])
def test_a_code_of_any_size_and_encoding_leads_to_the_page(
    signed_in_client, platform_server, load_rows, prefix, bytes_of_code
):
    set_responses(platform_server, flat_response(error="invalid_grant"))
    state = start_oauth(signed_in_client)
    code = prefix + "a" * bytes_of_code
    response = signed_in_client.get(f"{CALLBACK_ROUTE}?code={code}&state={state}")
    assert redirect_query(response)["error"] == "token_exchange_failed"
    assert load_rows(Account) == []


def test_the_callback_accepts_no_post(client):
    assert client.post(CALLBACK_ROUTE, json={"code": "c"}).status_code == 405
