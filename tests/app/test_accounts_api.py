"""How accounts are shown and let go; the platform answers by script."""

import pytest
from sqlalchemy import func, select, text

from app.http.context import CONTAINER_KEY
from app.http.messages import LOCALES, find_message
from core.accounts import grant_lifecycle
from db.accounts.accounts import Account
from db.media.files import Media
from db.posts.posts import Post
from platforms.tiktok.events import REMOVAL_REASONS
from tests.platforms.hostile_server import hostile_server, http_response, set_responses
from tests.platforms.tiktok_responses import flat_response
from tests.support.row_factory import HOUR, RowFactory

WORKER_SECRET = "a-word-for-the-workers-0123456789"
DISCONNECT_ROUTE = "/api/platforms/tiktok/disconnect"
REJECT_CHANGES_SQL = """
CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'no room'; END $$ LANGUAGE plpgsql;
CREATE TRIGGER refuse BEFORE INSERT ON audit_log EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        set_responses(server, http_response(200, b""))
        yield server


@pytest.fixture
def app(app_factory, platform_server):
    at_the_server = {
        "TIKTOK_API_BASE_URL": platform_server.url,
        "TIKTOK_AUTH_BASE_URL": platform_server.url,
    }
    return app_factory.create_app(WORKER_SECRET=WORKER_SECRET, **at_the_server)


@pytest.fixture
def factory(app):
    container = app.extensions[CONTAINER_KEY]
    return RowFactory(container.database, container.services.key_ring)


@pytest.fixture
def alice(make_user):
    return make_user("alice@example.org")


@pytest.fixture
def alice_browser(sign_in, alice):
    return sign_in(alice)


def test_nothing_is_shown_to_strangers(client):
    for path in ("/api/platforms", "/api/platforms/tiktok/status", "/api/notifications"):
        assert client.get(path).status_code == 401


def test_no_account_is_no_connection(alice_browser):
    response = alice_browser.get("/api/platforms/tiktok/status")
    assert response.json == {"success": True, "connected": False, "accounts": []}


def test_an_account_is_shown_as_it_stands_and_without_its_tokens(alice_browser, alice, factory):
    name = {"display_name": "Ada", "avatar_url": "https://p/a.png"}
    account = factory.create_account(alice.id, details=name, scope="user.info.basic,video.publish")
    factory.create_account()
    response = alice_browser.get("/api/platforms/tiktok/status")
    assert response.json["connected"] is True
    assert (response.json["displayName"], response.json["avatarUrl"]) == ("Ada", "https://p/a.png")
    (shown,) = response.json["accounts"]
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
    assert "v1." not in response.text


def test_a_renewal_in_trouble_shows_and_never_in_the_platforms_own_words(
    alice_browser, alice, factory
):
    later = {"refresh_expires_at": func.now() + 4000 * HOUR}
    factory.create_account(alice.id, attempts=2, last_error="timeout: took too long", **later)
    factory.create_account(alice.id, attempts=1, last_error="<b>boo</b>: they said", **later)
    strange, known = alice_browser.get("/api/platforms/tiktok/status").json["accounts"]
    assert [one["tokenHealth"] for one in (strange, known)] == ["failing", "failing"]
    assert [one["tokenFault"] for one in (strange, known)] == ["platform_error", "timeout"]
    (tiktok, _) = alice_browser.get("/api/platforms").json["data"]
    assert tiktok["health"] == "degraded"


def test_a_lost_rotation_asks_for_its_owner_while_the_old_token_still_serves(
    alice_browser, alice, factory
):
    factory.create_account(alice.id, refresh=None, status_cause="rotation_lost")
    (shown,) = alice_browser.get("/api/platforms/tiktok/status").json["accounts"]
    assert (shown["state"], shown["tokenHealth"]) == ("ACTIVE", "ending")
    assert (shown["needsReconnect"], shown["cause"]) == (True, "rotation_lost")
    assert shown["connectionEndsAt"] == shown["tokenExpiresAt"]


def test_a_lost_grant_shows_that_its_owner_is_needed(alice_browser, alice, factory):
    gone = {"status": "NEEDS_RECONNECT", "status_cause": "revoked"}
    factory.create_account(alice.id, scope="user.info.basic,video.publish", **gone)
    (shown,) = alice_browser.get("/api/platforms/tiktok/status").json["accounts"]
    assert (shown["tokenHealth"], shown["connectionEndsAt"]) == ("ended", None)
    assert shown["canPublishDirect"] is False
    assert (shown["state"], shown["needsReconnect"]) == ("NEEDS_RECONNECT", True)
    platforms = {one["platform"]: one for one in alice_browser.get("/api/platforms").json["data"]}
    assert platforms["tiktok"]["health"] == "degraded"
    assert platforms["tiktok"]["features"]["inboxUpload"] is True
    assert (platforms["instagram"]["configured"], platforms["instagram"]["health"]) == (
        False,
        "off",
    )
    assert "INSTAGRAM_REDIRECT_URI" in platforms["instagram"]["missing"]


@pytest.mark.parametrize(
    "path", [DISCONNECT_ROUTE, "/api/tiktok/disconnect", "/api/auth/tiktok/disconnect"]
)
def test_a_disconnect_wipes_the_tokens_revokes_at_the_platform_and_keeps_the_history(
    alice_browser, alice, factory, platform_server, path
):
    account = factory.create_account(alice.id)
    waiting = factory.create_post(account)
    published = factory.create_post(account, state="PUBLISHED", due_at=None)
    response = alice_browser.post(path, json={})
    assert response.json == {"success": True, "revoked": True, "heldPosts": 1, "cancelledPosts": 0}
    after = factory.account(account)
    assert (after.status, after.access_token_encrypted) == ("DISCONNECTED", None)
    assert (after.refresh_token_encrypted, after.due_at) == (None, None)
    assert factory.post(waiting).hold_reason == "disconnected"
    assert factory.post(published).state == "PUBLISHED"
    assert platform_server.requests[0][0] == "/v2/oauth/revoke/"
    assert b"token=act.old" in platform_server.requests[0][1]
    assert alice_browser.get("/api/platforms/tiktok/status").json["connected"] is False


def test_waiting_posts_are_cancelled_on_request(alice_browser, alice, factory):
    account = factory.create_account(alice.id)
    waiting = factory.create_post(account)
    response = alice_browser.post(DISCONNECT_ROUTE, json={"queued": "cancel"})
    assert (response.json["heldPosts"], response.json["cancelledPosts"]) == (0, 1)
    assert factory.post(waiting).state == "CANCELLED"


def test_an_erasure_takes_posts_and_their_files_along_and_nobody_elses(
    alice_browser, alice, factory, app
):
    account, other = factory.create_account(alice.id), factory.create_account(alice.id)
    database = app.extensions[CONTAINER_KEY].database

    def a_file():
        with database.transaction() as session:
            fields = {"filename": "a.mp4", "content_type": "video/mp4", "size": 1, "path": "p"}
            media = Media(user_id=alice.id, expires_at=func.now() + 99 * HOUR, **fields)
            session.add(media)
            session.flush()
            return media.id

    only, shared = a_file(), a_file()
    factory.create_post(account, media_id=only)
    factory.create_post(account, media_id=shared)
    kept = factory.create_post(other, media_id=shared)
    response = alice_browser.post(DISCONNECT_ROUTE, json={"accountId": account, "erase": True})
    assert response.json["cancelledPosts"] == 2
    with database.transaction() as session:
        assert list(session.scalars(select(Post.id))) == [kept]
        over = select(Media.id).where(Media.expires_at <= func.now())
        assert list(session.scalars(over)) == [only]


def test_the_cause_is_translated_on_the_account_and_on_the_notification(
    alice_browser, alice, factory, app
):
    account = factory.create_account(alice.id)
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        grant_lifecycle.mark_revoked(session, session.get(Account, account), cause="account_banned")
    french = {"Accept-Language": "fr"}
    (shown,) = alice_browser.get("/api/platforms/tiktok/status", headers=french).json["accounts"]
    (notice,) = alice_browser.get("/api/notifications").json["data"]
    assert shown["userMessage"] == "La plateforme a banni le compte."
    assert notice["userMessage"] == "The platform has banned the account."
    assert notice["suggestion"]
    page = alice_browser.get("/notifications")
    assert "The platform has banned the account." in page.text


@pytest.mark.parametrize(
    "cause", [*REMOVAL_REASONS.values(), "removed", "revoked", "rotation_lost"]
)
def test_every_cause_has_a_message(cause):
    for locale in LOCALES:
        assert find_message(cause, locale)


def test_an_erasure_leaves_no_notification_with_the_name(alice_browser, alice, factory, app):
    account, other = (
        factory.create_account(alice.id, details={"display_name": name}) for name in ("Ada", "Bob")
    )
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        for each in (account, other):
            row = session.get(Account, each)
            grant_lifecycle.notify_owner(
                session, row, grant_lifecycle.REFRESH_FAILED, why="timeout"
            )
    alice_browser.post(DISCONNECT_ROUTE, json={"accountId": account, "erase": True})
    (left,) = alice_browser.get("/api/notifications").json["data"]
    assert left["payload"]["name"] == "Bob"
    assert factory.account(account).details == {}


def test_one_of_several_has_to_be_named(alice_browser, alice, factory):
    first, second = factory.create_account(alice.id), factory.create_account(alice.id)
    response = alice_browser.post(DISCONNECT_ROUTE, json={})
    assert (response.status_code, response.json["error"]["code"]) == (400, "account_required")
    assert alice_browser.post(DISCONNECT_ROUTE, json={"accountId": first}).status_code == 200
    assert factory.account(second).status == "ACTIVE"


def test_what_is_not_mine_or_not_connected_is_not_there(alice_browser, factory):
    theirs = factory.create_account()
    for body in ({}, {"accountId": theirs}, {"accountId": 10**18}):
        response = alice_browser.post(DISCONNECT_ROUTE, json=body)
        assert (response.status_code, response.json["error"]["code"]) == (404, "NOT_FOUND")
    assert factory.account(theirs).status == "ACTIVE"


@pytest.mark.parametrize(
    "body",
    [{"accountId": True}, {"accountId": "1"}, {"accountId": 1.0}, {"erase": "yes"}, {"erase": 1}],
)
def test_what_is_let_go_is_named_exactly(alice_browser, alice, factory, body):
    account = factory.create_account(alice.id)
    response = alice_browser.post(DISCONNECT_ROUTE, json=body)
    assert (response.status_code, response.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert factory.account(account).status == "ACTIVE"


def test_a_disconnect_that_goes_wrong_with_us_says_so_and_changes_nothing(
    alice_browser, alice, factory, app, platform_server
):
    account = factory.create_account(alice.id)
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        session.execute(text(REJECT_CHANGES_SQL))
    response = alice_browser.post(DISCONNECT_ROUTE, json={})
    assert (response.status_code, response.json["error"]["code"]) == (500, "disconnect_failed")
    assert response.json["error"]["retryable"] is True
    assert "no room" not in response.text
    assert factory.account(account).status == "ACTIVE"
    assert platform_server.requests == []


def test_a_platform_that_does_not_answer_keeps_nobody_connected(
    alice_browser, alice, factory, platform_server
):
    account = factory.create_account(alice.id)
    set_responses(platform_server, http_response(500, b""))
    assert alice_browser.post(DISCONNECT_ROUTE, json={}).json["revoked"] is False
    assert factory.account(account).status == "DISCONNECTED"


def test_an_ended_token_is_renewed_only_to_be_revoked(
    alice_browser, alice, factory, platform_server
):
    factory.create_account(alice.id, lasts=-HOUR)
    new = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    set_responses(platform_server, flat_response(**new), http_response(200, b""))
    assert alice_browser.post(DISCONNECT_ROUTE, json={}).json["revoked"] is True
    assert b"token=act.new" in platform_server.requests[1][1]


def test_a_read_key_may_look_and_not_disconnect(make_api_client, alice, factory):
    factory.create_account(alice.id)
    api_client = make_api_client(alice, "accounts:read")
    assert api_client.get("/api/platforms/tiktok/status").json["connected"] is True
    assert api_client.post(DISCONNECT_ROUTE, json={}).status_code == 403


def test_the_workers_secret_refreshes_what_is_due(client, factory, platform_server):
    sound, dead = factory.create_account(lasts=-HOUR), factory.create_account(lasts=-HOUR)
    factory.create_account(lasts=HOUR)
    factory.update_account(dead, refresh_token_encrypted="v1.1.not:to:open")
    new = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    set_responses(platform_server, flat_response(**new))
    secret = {"X-Worker-Secret": WORKER_SECRET}
    response = client.post("/api/workers/token-refresh", headers=secret)
    assert response.json["result"] == {
        "total": 2,
        "refreshed": 1,
        "failed": 1,
        "skipped": 0,
        "errors": [{"accountId": dead, "provider": "tiktok", "error": "crypto_error"}],
    }
    assert factory.decrypted_tokens(sound)[0] == "act.new"


def test_a_refusal_is_reported_by_a_code_of_ours_and_not_in_the_platforms_words(
    client, factory, platform_server
):
    account = factory.create_account(lasts=-HOUR)
    set_responses(
        platform_server, flat_response(error="brand_new_<b>", error_description="words of theirs")
    )
    response = client.post("/api/workers/token-refresh", headers={"X-Worker-Secret": WORKER_SECRET})
    (error,) = response.json["result"]["errors"]
    assert error == {"accountId": account, "provider": "tiktok", "error": "platform_error"}
    assert "theirs" not in response.text


def test_one_run_takes_no_more_than_its_limit(app_factory, platform_server):
    at_the_server = {
        "TIKTOK_API_BASE_URL": platform_server.url,
        "TIKTOK_AUTH_BASE_URL": platform_server.url,
    }
    few = app_factory.create_app(WORKER_SECRET=WORKER_SECRET, REFRESH_BATCH="3", **at_the_server)
    container = few.extensions[CONTAINER_KEY]
    factory = RowFactory(container.database, container.services.key_ring)
    accounts = [factory.create_account(lasts=-HOUR) for _ in range(5)]
    new = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    set_responses(platform_server, flat_response(**new))
    ask = few.test_client().post
    results = [
        ask("/api/workers/token-refresh", headers={"X-Worker-Secret": WORKER_SECRET}).json["result"]
        for _ in range(2)
    ]
    assert [one["refreshed"] for one in results] == [3, 2]
    assert {factory.decrypted_tokens(account)[0] for account in accounts} == {"act.new"}


def test_an_account_that_nothing_can_renew_counts_as_failed(client, factory):
    account = factory.create_account(lasts=-HOUR, refresh=None)
    response = client.post("/api/workers/token-refresh", headers={"X-Worker-Secret": WORKER_SECRET})
    (error,) = response.json["result"]["errors"]
    assert (error["accountId"], error["error"]) == (account, "no_refresh_token")


def test_cron_has_to_prove_itself_and_get_only_describes(client, factory, app_factory):
    account = factory.create_account(lasts=-HOUR)
    path = "/api/workers/token-refresh"
    assert client.post(path).status_code == 401
    assert client.post(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    described = client.get(path).json
    assert (described["status"], described["worker"]) == ("ok", "token-refresh-scheduler")
    assert factory.account(account).attempts == 0
    without = app_factory.create_app(WORKER_SECRET="").test_client()
    assert without.post(path, headers={"X-Worker-Secret": ""}).status_code == 503


def test_notifications_are_read_by_their_owner_alone(alice_browser, alice, factory, app):
    from db.identity.notifications import Notifications

    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        for cause in ("a", "b", "c"):
            Notifications(session).add(alice.id, "needs_reconnect", cause=cause, account_id=1)
        Notifications(session).add(factory.create_user(), "needs_reconnect", cause="d")
    first = alice_browser.get("/api/notifications?limit=2").json
    assert (len(first["data"]), first["unread"]) == (2, 3)
    rest = alice_browser.get(f"/api/notifications?cursor={first['nextCursor']}").json
    assert (len(rest["data"]), rest["nextCursor"]) == (1, None)
    mine, theirs = rest["data"][0]["id"], first["data"][0]["id"] + 1
    assert alice_browser.post(f"/api/notifications/{mine}/read").status_code == 200
    assert alice_browser.post(f"/api/notifications/{theirs}/read").status_code == 404
    assert len(alice_browser.get("/api/notifications?unread=true").json["data"]) == 2
    assert alice_browser.post("/api/notifications/read-all").json["read"] == 2
