"""How accounts are shown and let go; the platform answers by script."""

import pytest
from sqlalchemy import func, select, text

from app.context import HOUSE
from app.words import LOCALES, known
from core.accounts import grants
from db.accounts import Account
from db.media import Media
from db.posts import Post
from platforms.tiktok.events import REMOVALS
from tests.platforms.hostile import answer, hostile_server, plays
from tests.platforms.script import flat
from tests.tenants import HOUR, Tenants

SECRET = "a-word-for-the-workers-0123456789"
DISCONNECT = "/api/platforms/tiktok/disconnect"
BROKEN = """
CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no room'; END $$ LANGUAGE plpgsql;
CREATE TRIGGER refuse BEFORE INSERT ON audit_log EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def server():
    with hostile_server() as server:
        plays(server, answer(200, b""))
        yield server


@pytest.fixture
def app(stage, server):
    at_the_server = {"TIKTOK_API_BASE_URL": server.url, "TIKTOK_AUTH_BASE_URL": server.url}
    return stage.house(WORKER_SECRET=SECRET, **at_the_server)


@pytest.fixture
def tenants(app):
    house = app.extensions[HOUSE]
    return Tenants(house.database, house.world.keys)


@pytest.fixture
def alice(a_user):
    return a_user("alice@example.org")


@pytest.fixture
def browser_of_alice(signed_in, alice):
    return signed_in(alice)


def test_nothing_is_shown_to_strangers(client):
    for path in ("/api/platforms", "/api/platforms/tiktok/status", "/api/notifications"):
        assert client.get(path).status_code == 401


def test_no_account_is_no_connection(browser_of_alice):
    answer = browser_of_alice.get("/api/platforms/tiktok/status")
    assert answer.json == {"success": True, "connected": False, "accounts": []}


def test_an_account_is_shown_as_it_stands_and_without_its_tokens(browser_of_alice, alice, tenants):
    name = {"display_name": "Ada", "avatar_url": "https://p/a.png"}
    account = tenants.an_account(alice.id, details=name, scope="user.info.basic,video.publish")
    tenants.an_account()
    answer = browser_of_alice.get("/api/platforms/tiktok/status")
    assert answer.json["connected"] is True
    assert (answer.json["displayName"], answer.json["avatarUrl"]) == ("Ada", "https://p/a.png")
    (shown,) = answer.json["accounts"]
    assert shown == {
        "id": account,
        "displayName": "Ada",
        "avatarUrl": "https://p/a.png",
        "scope": "user.info.basic,video.publish",
        "missingScopes": ["video.upload"],
        "state": "ACTIVE",
        "cause": None,
        "userMessage": None,
        "suggestion": None,
        "tokenExpiresAt": shown["tokenExpiresAt"],
        "tokenHealth": "ending",
        "tokenRenewedAt": None,
        "tokenRenewsAt": shown["tokenRenewsAt"],
        "tokenFault": None,
        "connectionEndsAt": shown["connectionEndsAt"],
        "needsReconnect": False,
        "canPublishDirect": True,
    }
    for moment in ("tokenExpiresAt", "tokenRenewsAt", "connectionEndsAt"):
        assert shown[moment].endswith("Z")
    assert "v1." not in answer.text


def test_a_renewal_in_trouble_shows_and_never_in_the_platforms_own_words(
    browser_of_alice, alice, tenants
):
    later = {"refresh_expires_at": func.now() + 4000 * HOUR}
    tenants.an_account(alice.id, attempts=2, last_error="timeout: took too long", **later)
    tenants.an_account(alice.id, attempts=1, last_error="<b>boo</b>: they said", **later)
    strange, known = browser_of_alice.get("/api/platforms/tiktok/status").json["accounts"]
    assert [one["tokenHealth"] for one in (strange, known)] == ["failing", "failing"]
    assert [one["tokenFault"] for one in (strange, known)] == ["platform_error", "timeout"]
    (tiktok, _) = browser_of_alice.get("/api/platforms").json["data"]
    assert tiktok["health"] == "degraded"


def test_a_lost_rotation_asks_for_its_owner_while_the_old_token_still_serves(
    browser_of_alice, alice, tenants
):
    tenants.an_account(alice.id, refresh=None, status_cause="rotation_lost")
    (shown,) = browser_of_alice.get("/api/platforms/tiktok/status").json["accounts"]
    assert (shown["state"], shown["tokenHealth"]) == ("ACTIVE", "ending")
    assert (shown["needsReconnect"], shown["cause"]) == (True, "rotation_lost")
    assert shown["connectionEndsAt"] == shown["tokenExpiresAt"]


def test_a_lost_grant_shows_that_its_owner_is_needed(browser_of_alice, alice, tenants):
    gone = {"status": "NEEDS_RECONNECT", "status_cause": "revoked"}
    tenants.an_account(alice.id, scope="user.info.basic,video.publish", **gone)
    (shown,) = browser_of_alice.get("/api/platforms/tiktok/status").json["accounts"]
    assert (shown["tokenHealth"], shown["connectionEndsAt"]) == ("ended", None)
    assert shown["canPublishDirect"] is False
    assert (shown["state"], shown["needsReconnect"]) == ("NEEDS_RECONNECT", True)
    platforms = {
        one["platform"]: one for one in browser_of_alice.get("/api/platforms").json["data"]
    }
    assert platforms["tiktok"]["health"] == "degraded"
    assert platforms["tiktok"]["features"]["inboxUpload"] is True
    assert (platforms["instagram"]["configured"], platforms["instagram"]["health"]) == (
        False,
        "off",
    )
    assert "INSTAGRAM_REDIRECT_URI" in platforms["instagram"]["missing"]


@pytest.mark.parametrize(
    "path", [DISCONNECT, "/api/tiktok/disconnect", "/api/auth/tiktok/disconnect"]
)
def test_a_disconnect_wipes_the_tokens_tells_the_platform_and_keeps_the_history(
    browser_of_alice, alice, tenants, server, path
):
    account = tenants.an_account(alice.id)
    waiting = tenants.a_post(account)
    published = tenants.a_post(account, state="PUBLISHED", due_at=None)
    answer = browser_of_alice.post(path, json={})
    assert answer.json == {"success": True, "revoked": True, "heldPosts": 1, "cancelledPosts": 0}
    after = tenants.account(account)
    assert (after.status, after.access_token_encrypted) == ("DISCONNECTED", None)
    assert (after.refresh_token_encrypted, after.due_at) == (None, None)
    assert tenants.post(waiting).hold_reason == "disconnected"
    assert tenants.post(published).state == "PUBLISHED"
    assert server.seen[0][0] == "/v2/oauth/revoke/"
    assert b"token=act.old" in server.seen[0][1]
    assert browser_of_alice.get("/api/platforms/tiktok/status").json["connected"] is False


def test_waiting_posts_are_cancelled_on_request(browser_of_alice, alice, tenants):
    account = tenants.an_account(alice.id)
    waiting = tenants.a_post(account)
    answer = browser_of_alice.post(DISCONNECT, json={"queued": "cancel"})
    assert (answer.json["heldPosts"], answer.json["cancelledPosts"]) == (0, 1)
    assert tenants.post(waiting).state == "CANCELLED"


def test_an_erasure_takes_posts_and_their_files_along_and_nobody_elses(
    browser_of_alice, alice, tenants, app
):
    account, other = tenants.an_account(alice.id), tenants.an_account(alice.id)
    database = app.extensions[HOUSE].database

    def a_file():
        with database.transaction() as session:
            fields = {"filename": "a.mp4", "content_type": "video/mp4", "size": 1, "path": "p"}
            media = Media(user_id=alice.id, expires_at=func.now() + 99 * HOUR, **fields)
            session.add(media)
            session.flush()
            return media.id

    only, shared = a_file(), a_file()
    tenants.a_post(account, media_id=only)
    tenants.a_post(account, media_id=shared)
    kept = tenants.a_post(other, media_id=shared)
    answer = browser_of_alice.post(DISCONNECT, json={"accountId": account, "erase": True})
    assert answer.json["cancelledPosts"] == 2
    with database.transaction() as session:
        assert list(session.scalars(select(Post.id))) == [kept]
        over = select(Media.id).where(Media.expires_at <= func.now())
        assert list(session.scalars(over)) == [only]


def test_the_plain_cause_is_read_in_ones_own_language_on_the_account_and_on_the_notice(
    browser_of_alice, alice, tenants, app
):
    account = tenants.an_account(alice.id)
    with app.extensions[HOUSE].database.transaction() as session:
        grants.revoked(session, session.get(Account, account), cause="account_banned")
    french = {"Accept-Language": "fr"}
    (shown,) = browser_of_alice.get("/api/platforms/tiktok/status", headers=french).json["accounts"]
    (notice,) = browser_of_alice.get("/api/notifications").json["data"]
    assert shown["userMessage"] == "La plateforme a banni le compte."
    assert notice["userMessage"] == "The platform has banned the account."
    assert notice["suggestion"]
    page = browser_of_alice.get("/notifications")
    assert "The platform has banned the account." in page.text


@pytest.mark.parametrize("cause", [*REMOVALS.values(), "removed", "revoked", "rotation_lost"])
def test_every_cause_has_words(cause):
    for locale in LOCALES:
        assert known(cause, locale)


def test_an_erasure_leaves_no_notice_with_the_name(browser_of_alice, alice, tenants, app):
    account, other = (
        tenants.an_account(alice.id, details={"display_name": name}) for name in ("Ada", "Bob")
    )
    with app.extensions[HOUSE].database.transaction() as session:
        for each in (account, other):
            row = session.get(Account, each)
            grants.tell(session, row, grants.REFRESH_FAILED, why="timeout")
    browser_of_alice.post(DISCONNECT, json={"accountId": account, "erase": True})
    (left,) = browser_of_alice.get("/api/notifications").json["data"]
    assert left["payload"]["name"] == "Bob"
    assert tenants.account(account).details == {}


def test_one_of_several_has_to_be_named(browser_of_alice, alice, tenants):
    first, second = tenants.an_account(alice.id), tenants.an_account(alice.id)
    answer = browser_of_alice.post(DISCONNECT, json={})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "account_required")
    assert browser_of_alice.post(DISCONNECT, json={"accountId": first}).status_code == 200
    assert tenants.account(second).status == "ACTIVE"


def test_what_is_not_mine_or_not_connected_is_not_there(browser_of_alice, tenants):
    theirs = tenants.an_account()
    for body in ({}, {"accountId": theirs}, {"accountId": 10**18}):
        answer = browser_of_alice.post(DISCONNECT, json=body)
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "NOT_FOUND")
    assert tenants.account(theirs).status == "ACTIVE"


@pytest.mark.parametrize(
    "body",
    [{"accountId": True}, {"accountId": "1"}, {"accountId": 1.0}, {"erase": "yes"}, {"erase": 1}],
)
def test_what_is_let_go_is_named_exactly(browser_of_alice, alice, tenants, body):
    account = tenants.an_account(alice.id)
    answer = browser_of_alice.post(DISCONNECT, json=body)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert tenants.account(account).status == "ACTIVE"


def test_a_disconnect_that_goes_wrong_with_us_says_so_and_changes_nothing(
    browser_of_alice, alice, tenants, app, server
):
    account = tenants.an_account(alice.id)
    with app.extensions[HOUSE].database.transaction() as session:
        session.execute(text(BROKEN))
    answer = browser_of_alice.post(DISCONNECT, json={})
    assert (answer.status_code, answer.json["error"]["code"]) == (500, "disconnect_failed")
    assert answer.json["error"]["retryable"] is True
    assert "no room" not in answer.text
    assert tenants.account(account).status == "ACTIVE"
    assert server.seen == []


def test_a_platform_that_does_not_answer_keeps_nobody_connected(
    browser_of_alice, alice, tenants, server
):
    account = tenants.an_account(alice.id)
    plays(server, answer(500, b""))
    assert browser_of_alice.post(DISCONNECT, json={}).json["revoked"] is False
    assert tenants.account(account).status == "DISCONNECTED"


def test_an_ended_token_is_renewed_only_to_be_revoked(browser_of_alice, alice, tenants, server):
    tenants.an_account(alice.id, lasts=-HOUR)
    new = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    plays(server, flat(**new), answer(200, b""))
    assert browser_of_alice.post(DISCONNECT, json={}).json["revoked"] is True
    assert b"token=act.new" in server.seen[1][1]


def test_a_read_key_may_look_and_not_disconnect(a_program, alice, tenants):
    tenants.an_account(alice.id)
    program = a_program(alice, "accounts:read")
    assert program.get("/api/platforms/tiktok/status").json["connected"] is True
    assert program.post(DISCONNECT, json={}).status_code == 403


def test_the_workers_secret_refreshes_what_is_due(client, tenants, server):
    sound, dead = tenants.an_account(lasts=-HOUR), tenants.an_account(lasts=-HOUR)
    tenants.an_account(lasts=HOUR)
    tenants.change(dead, refresh_token_encrypted="v1.1.not:to:open")
    new = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    plays(server, flat(**new))
    secret = {"X-Worker-Secret": SECRET}
    answer = client.post("/api/workers/token-refresh", headers=secret)
    assert answer.json["result"] == {
        "total": 2,
        "refreshed": 1,
        "failed": 1,
        "skipped": 0,
        "errors": [{"accountId": dead, "provider": "tiktok", "error": "crypto_error"}],
    }
    assert tenants.tokens(sound)[0] == "act.new"


def test_a_refusal_is_told_by_a_code_of_ours_and_not_in_the_platforms_words(
    client, tenants, server
):
    account = tenants.an_account(lasts=-HOUR)
    plays(server, flat(error="brand_new_<b>", error_description="words of theirs"))
    answer = client.post("/api/workers/token-refresh", headers={"X-Worker-Secret": SECRET})
    (error,) = answer.json["result"]["errors"]
    assert error == {"accountId": account, "provider": "tiktok", "error": "platform_error"}
    assert "theirs" not in answer.text


def test_one_round_takes_no_more_than_it_was_told(stage, server):
    at_the_server = {"TIKTOK_API_BASE_URL": server.url, "TIKTOK_AUTH_BASE_URL": server.url}
    few = stage.house(WORKER_SECRET=SECRET, REFRESH_BATCH="3", **at_the_server)
    house = few.extensions[HOUSE]
    tenants = Tenants(house.database, house.world.keys)
    accounts = [tenants.an_account(lasts=-HOUR) for _ in range(5)]
    new = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    plays(server, flat(**new))
    ask = few.test_client().post
    results = [
        ask("/api/workers/token-refresh", headers={"X-Worker-Secret": SECRET}).json["result"]
        for _ in range(2)
    ]
    assert [one["refreshed"] for one in results] == [3, 2]
    assert {tenants.tokens(account)[0] for account in accounts} == {"act.new"}


def test_an_account_that_nothing_can_renew_counts_as_failed(client, tenants):
    account = tenants.an_account(lasts=-HOUR, refresh=None)
    answer = client.post("/api/workers/token-refresh", headers={"X-Worker-Secret": SECRET})
    (error,) = answer.json["result"]["errors"]
    assert (error["accountId"], error["error"]) == (account, "no_refresh_token")


def test_cron_has_to_prove_itself_and_get_only_describes(client, tenants, stage):
    account = tenants.an_account(lasts=-HOUR)
    path = "/api/workers/token-refresh"
    assert client.post(path).status_code == 401
    assert client.post(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    described = client.get(path).json
    assert (described["status"], described["worker"]) == ("ok", "token-refresh-scheduler")
    assert tenants.account(account).attempts == 0
    without = stage.house(WORKER_SECRET="").test_client()
    assert without.post(path, headers={"X-Worker-Secret": ""}).status_code == 503


def test_notices_are_read_by_their_owner_alone(browser_of_alice, alice, tenants, app):
    from db.notices import Notifications

    with app.extensions[HOUSE].database.transaction() as session:
        for cause in ("a", "b", "c"):
            Notifications(session).tell(alice.id, "needs_reconnect", cause=cause, account_id=1)
        Notifications(session).tell(tenants.a_user(), "needs_reconnect", cause="d")
    first = browser_of_alice.get("/api/notifications?limit=2").json
    assert (len(first["data"]), first["unread"]) == (2, 3)
    rest = browser_of_alice.get(f"/api/notifications?cursor={first['nextCursor']}").json
    assert (len(rest["data"]), rest["nextCursor"]) == (1, None)
    mine, theirs = rest["data"][0]["id"], first["data"][0]["id"] + 1
    assert browser_of_alice.post(f"/api/notifications/{mine}/read").status_code == 200
    assert browser_of_alice.post(f"/api/notifications/{theirs}/read").status_code == 404
    assert len(browser_of_alice.get("/api/notifications?unread=true").json["data"]) == 2
    assert browser_of_alice.post("/api/notifications/read-all").json["read"] == 2
