"""To the platform and back, as a browser goes; the platform answers by script."""

import html
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from app.context import HOUSE
from app.errors import OAUTH
from app.words import LOCALES, dictionary
from core import accounts
from db.accounts import Account
from db.audit import AuditEntry
from db.states import OAuthState
from tests.platforms.hostile import answer, hostile_server, plays
from tests.platforms.script import flat, ok, refuses

START, CALLBACK = "/api/auth/tiktok", "/api/auth/tiktok/callback"
COOKIE = "tiktok_oauth_state"
PROFILE = ok(user={"open_id": "-000o", "display_name": "Ada", "avatar_url": "https://p/a.png"})


def granted(**fields):
    usual = {
        "access_token": "act.canary",
        "expires_in": 7200,
        "open_id": "-000o",
        "refresh_expires_in": 15_552_000,
        "refresh_token": "rft.canary",
        "scope": "user.info.basic,video.upload",
    }
    return flat(**{**usual, **fields})


@pytest.fixture
def server():
    with hostile_server() as server:
        plays(server, granted(), PROFILE)
        yield server


@pytest.fixture
def app(stage, server):
    return stage.house(TIKTOK_API_BASE_URL=server.url, TIKTOK_AUTH_BASE_URL=server.url)


@pytest.fixture
def rows(app):
    """All rows of a kind."""

    def of(model):
        with app.extensions[HOUSE].database.transaction() as session:
            return list(session.scalars(select(model)))

    return of


def query_of(answer):
    assert answer.status_code == 302, answer.text
    return {name: one[0] for name, one in parse_qs(urlsplit(answer.location).query).items()}


def depart(browser, **query):
    """The state that travels along."""
    return query_of(browser.get(START, query_string=query))["state"]


def test_the_browser_is_sent_to_the_platform_with_one_state(signed_in_client, rows, server):
    answer = signed_in_client.get(START)
    told = query_of(answer)
    assert answer.location.startswith(f"{server.url}/v2/auth/authorize/?client_key=key&")
    assert told["redirect_uri"] == "http://127.0.0.1/api/auth/tiktok/callback"
    (row,) = rows(OAuthState)
    assert row.state == told["state"]
    assert len(bytes.fromhex(row.state)) == 32
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(COOKIE)]
    assert cookie.startswith(f"{COOKIE}={row.state};")
    for part in ("HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    assert "disable_auto_auth" not in told


def test_another_account_is_asked_for_consent_again(signed_in_client):
    assert query_of(signed_in_client.get(START + "?switch=1"))["disable_auto_auth"] == "1"


def test_the_cookie_is_for_https_alone_in_production(stage, a_user):
    app = stage.house(
        ENVIRONMENT="production",
        PUBLIC_URL="https://posts.example.org",
        TIKTOK_REDIRECT_URI="https://posts.example.org/api/auth/tiktok/callback",
    )
    answer = app.test_client().get(
        f"{CALLBACK}?error=access_denied", base_url="https://posts.example.org"
    )
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(COOKIE)]
    assert "Secure" in cookie


def test_a_stranger_signs_in_first_and_comes_back_here(client):
    answer = client.get(START + "?switch=1")
    assert urlsplit(answer.location).path == "/login"
    assert query_of(answer)["next"] == "/api/auth/tiktok?switch=1"


def test_a_platform_that_is_off_says_so_on_its_page(signed_in_client):
    answer = signed_in_client.get("/api/auth/instagram")
    assert urlsplit(answer.location).path == "/platforms/connect/instagram"
    told = query_of(answer)
    assert told["error"] == "oauth_not_configured"
    assert told["ref"] == answer.headers["X-Request-Id"]


def test_a_connection_is_stored_sealed_and_named(signed_in_client, rows, server, house):
    state = depart(signed_in_client)
    answer = signed_in_client.get(CALLBACK, query_string={"code": "abc*1!x", "state": state})
    (account,) = rows(Account)
    assert answer.location == f"/platforms/connect/tiktok?success=true&account={account.id}"
    assert b"code=abc%2A1%21x" in server.seen[0][1]
    assert account.details == {
        "display_name": "Ada",
        "avatar_url": "https://p/a.png",
        "token_type": "Bearer",
    }
    assert (account.open_id, account.scope) == ("-000o", "user.info.basic,video.upload")
    assert account.refresh_expires_at is not None
    assert account.last_refreshed_at < account.due_at < account.expires_at
    assert "canary" not in f"{account.access_token_encrypted}{account.refresh_token_encrypted}"
    assert rows(OAuthState) == []
    assert [entry.action for entry in rows(AuditEntry)][-1] == "account.connected"


def test_the_way_back_goes_where_the_user_wanted(signed_in_client):
    state = depart(signed_in_client, next="/platforms/tiktok/upload?x=1")
    answer = signed_in_client.get(CALLBACK, query_string={"code": "c", "state": state})
    assert answer.location.startswith("/platforms/tiktok/upload?x=1&success=true&account=")


def test_and_never_to_another_host(signed_in_client):
    state = depart(signed_in_client, next="//evil.example/x")
    answer = signed_in_client.get(CALLBACK, query_string={"code": "c", "state": state})
    assert answer.location.startswith("/platforms/connect/tiktok?success=true")


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
def test_a_return_that_is_not_whole_is_explained_by_its_code(signed_in_client, query, code, server):
    depart(signed_in_client)
    answer = signed_in_client.get(CALLBACK, query_string=query)
    assert urlsplit(answer.location).path == "/platforms/connect/tiktok"
    assert query_of(answer)["error"] == code
    assert "words" not in answer.location
    assert any(one.startswith(f"{COOKIE}=;") for one in answer.headers.getlist("Set-Cookie"))
    assert server.seen == []


def test_a_return_without_a_session_goes_by_the_login(client):
    answer = client.get(CALLBACK, query_string={"code": "c", "state": "s"})
    assert urlsplit(answer.location).path == "/login"
    assert query_of(answer)["next"].startswith("/platforms/connect/tiktok?error=unauthorized&ref=")


def test_a_state_is_good_once(signed_in_client, rows):
    state = depart(signed_in_client)
    signed_in_client.get(CALLBACK, query_string={"code": "c", "state": state})
    signed_in_client.set_cookie(COOKIE, state)
    answer = signed_in_client.get(CALLBACK, query_string={"code": "d", "state": state})
    assert query_of(answer)["error"] == "invalid_state"
    assert len(rows(Account)) == 1


def test_a_state_is_good_for_nobody_else(signed_in, a_user, server):
    alice, bob = signed_in(a_user("a@example.org")), signed_in(a_user("b@example.org"))
    state = depart(alice)
    bob.set_cookie(COOKIE, state)
    answer = bob.get(CALLBACK, query_string={"code": "c", "state": state})
    assert query_of(answer)["error"] == "invalid_state"
    assert server.seen == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (flat(error="invalid_grant", error_description="spent"), "token_exchange_failed"),
        (flat(error="invalid_client"), "invalid_credentials"),
        (answer(429, b""), "rate_limited"),
        (answer(503, b""), "platform_error"),
        (answer(200, b"<html>"), "platform_error"),
    ],
)
def test_a_failed_exchange_is_explained_and_stores_nothing(
    signed_in_client, server, rows, reply, code
):
    plays(server, reply)
    state = depart(signed_in_client)
    answer = signed_in_client.get(CALLBACK, query_string={"code": "c", "state": state})
    assert query_of(answer)["error"] == code
    assert rows(Account) == []


def test_a_name_that_cannot_be_had_does_not_cost_the_grant(signed_in_client, server, rows):
    plays(server, granted(), refuses(401, "scope_not_authorized"))
    state = depart(signed_in_client)
    signed_in_client.get(CALLBACK, query_string={"code": "c", "state": state})
    (account,) = rows(Account)
    assert account.details == {"token_type": "Bearer"}


def test_an_account_of_another_user_is_not_taken_over(signed_in, a_user, server, rows):
    for email, code in (("a@example.org", None), ("b@example.org", "account_already_connected")):
        plays(server, granted(), PROFILE)
        browser = signed_in(a_user(email))
        state = depart(browser)
        answer = browser.get(CALLBACK, query_string={"code": "c", "state": state})
        assert query_of(answer).get("error") == code
    assert len(rows(Account)) == 1


def test_a_permission_left_unticked_is_told(signed_in_client, server):
    plays(server, granted(scope="user.info.basic"), PROFILE)
    state = depart(signed_in_client)
    signed_in_client.get(CALLBACK, query_string={"code": "c", "state": state})
    (notice,) = signed_in_client.get("/api/notifications").json["data"]
    assert (notice["kind"], notice["payload"]["why"]) == ("permissions_missing", "video.upload")
    (account,) = signed_in_client.get("/api/platforms/tiktok/status").json["accounts"]
    assert account["missingScopes"] == ["video.upload"]


def test_no_token_code_or_state_reaches_a_log_or_an_answer(signed_in_client, capfd, caplog):
    state = depart(signed_in_client)
    back = {"code": "code-canary", "state": state}
    answers = [
        signed_in_client.get(CALLBACK, query_string=back),
        signed_in_client.get("/api/platforms"),
        signed_in_client.post("/api/tiktok/disconnect", json={}),
        signed_in_client.get("/api/notifications"),
    ]
    heard = "".join(
        [*capfd.readouterr(), caplog.text, *(f"{one.headers}{one.text}" for one in answers)]
    )
    assert "/api/auth/tiktok/callback" in heard
    assert "canary" not in heard
    assert state not in heard


CATALOGUE = {
    "oauth_not_configured": (500, False),
    "invalid_credentials": (500, True),
    "service_unavailable": (503, True),
    "access_denied": (400, True),
    "invalid_request": (400, True),
    "missing_code": (400, True),
    "invalid_scope": (400, False),
    "invalid_state": (403, True),
    "csrf_detected": (403, True),
    "unauthorized": (401, True),
    "platform_error": (502, True),
    "token_exchange_failed": (502, True),
    "rate_limited": (429, True),
    "no_business_account": (400, False),
    "account_not_eligible": (400, False),
    "callback_failed": (500, True),
    "unknown_error": (500, True),
    "account_already_connected": (409, False),
}
"""Contract T3.11, all of it."""


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_of_the_catalogue_has_its_status_its_cause_and_a_next_step(
    signed_in_client, code
):
    assert OAUTH[code] == CATALOGUE[code]
    assert accounts.BEHIND[code]
    for locale in LOCALES:
        said = dictionary(locale)[code]
        page = signed_in_client.get(
            f"/platforms/connect/tiktok?error={code}", headers={"Accept-Language": locale}
        )
        shown = html.unescape(page.text)
        assert said.says in shown
        assert said.next in shown


def test_no_code_is_without_what_is_behind_it():
    assert accounts.BEHIND.keys() == OAUTH.keys()


def test_an_operator_finds_the_cause_in_the_log_under_the_reference_of_the_page(signed_in_client):
    with capture_logs() as logs:
        answer = signed_in_client.get(CALLBACK, query_string={"error": "access_denied"})
    (line,) = [one for one in logs if one["event"] == "connect.refused"]
    assert (line["code"], line["why"]) == ("access_denied", accounts.BEHIND["access_denied"])
    assert query_of(answer)["ref"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"), ("*/*", "application/json")],
)
def test_who_tries_too_often_is_told_in_the_form_that_was_asked_for(stage, a_user, accept, kind):
    alice = a_user()
    browser = stage.house(RATE_LIMIT_OAUTH="1/15m").test_client()
    browser.post("/api/auth/login", json={"email": alice.email, "password": alice.password})
    for expected in (302, 429):
        answer = browser.get(START, headers={"Accept": accept})
        assert answer.status_code == expected
    assert answer.mimetype == kind
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert answer.headers["X-RateLimit-Remaining"] == "0"


@pytest.mark.parametrize("bytes_of_code", [5000, 20_000])
@pytest.mark.parametrize("strange", ["%ff%fe", "%ed%a0%80", "a%0d%0ab", "%F0%9F%92%A9"])
def test_codes_of_any_size_and_encoding_end_at_the_page(
    signed_in_client, server, rows, strange, bytes_of_code
):
    plays(server, flat(error="invalid_grant"))
    state = depart(signed_in_client)
    code = strange + "a" * bytes_of_code
    answer = signed_in_client.get(f"{CALLBACK}?code={code}&state={state}")
    assert query_of(answer)["error"] == "token_exchange_failed"
    assert rows(Account) == []


def test_the_callback_takes_no_post(client):
    assert client.post(CALLBACK, json={"code": "c"}).status_code == 405
