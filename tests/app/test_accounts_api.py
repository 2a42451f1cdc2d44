"""The API of accounts: status, disconnect, refresh; the platform's answers are scripted."""

import pytest
from sqlalchemy import func, select

from app.http.context import CONTAINER_KEY
from app.http.messages import LOCALES, find_message
from core.accounts import grant_lifecycle
from db.accounts.accounts import Account
from db.identity.notifications import Notifications
from db.media.files import Media
from db.posts.posts import Post
from platforms.tiktok.events import REMOVAL_REASONS
from tests.platforms.hostile_server import hostile_server, http_response, set_responses
from tests.platforms.tiktok_responses import flat_response
from tests.support.row_factory import HOUR, RowFactory

WORKER_SECRET = "a-worker-secret-0123456789"
DISCONNECT_ROUTE = "/api/platforms/tiktok/disconnect"
REJECT_CHANGES_SQL = """
CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE 'disk full'; END $$ LANGUAGE plpgsql;
CREATE TRIGGER refuse BEFORE INSERT ON audit_log EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        set_responses(server, http_response(200, b""))
        yield server


@pytest.fixture
def app(app_factory, platform_server):
    server_settings = {
        "TIKTOK_API_BASE_URL": platform_server.url,
        "TIKTOK_AUTH_BASE_URL": platform_server.url,
    }
    return app_factory.create_app(WORKER_SECRET=WORKER_SECRET, **server_settings)


@pytest.fixture
def alice(make_user):
    return make_user("alice@example.org")


@pytest.fixture
def alice_browser(sign_in, alice):
    return sign_in(alice)


def test_anonymous_requests_are_refused(client):
    for path in ("/api/platforms", "/api/platforms/tiktok/status", "/api/notifications"):
        assert client.get(path).status_code == 401


def test_without_an_account_nothing_is_connected(alice_browser):
    response = alice_browser.get("/api/platforms/tiktok/status")
    assert response.json == {"success": True, "connected": False, "accounts": []}


def test_an_account_is_returned_with_its_status_and_without_its_tokens(
    alice_browser, alice, factory
):
    name = {"display_name": "Ada", "avatar_url": "https://p/a.png"}
    account = factory.create_account(alice.id, details=name, scope="user.info.basic,video.publish")
    factory.create_account()
    response = alice_browser.get("/api/platforms/tiktok/status")
    assert response.json["connected"] is True
    assert (response.json["displayName"], response.json["avatarUrl"]) == ("Ada", "https://p/a.png")
    (account_data,) = response.json["accounts"]
    assert account_data == {
        "id": account,
        "displayName": "Ada",
        "avatarUrl": "https://p/a.png",
        "scope": "user.info.basic,video.publish",
        "missingScopes": ["video.upload"],
        "state": "ACTIVE",
        "cause": None,
        "userMessage": None,
        "suggestion": None,
        "tokenExpiresAt": account_data["tokenExpiresAt"],
        "tokenHealth": "ending",
        "tokenRenewedAt": None,
        "tokenRenewsAt": account_data["tokenRenewsAt"],
        "tokenFault": None,
        "connectionEndsAt": account_data["connectionEndsAt"],
        "needsReconnect": False,
        "canPublishDirect": True,
    }
    for moment in ("tokenExpiresAt", "tokenRenewsAt", "connectionEndsAt"):
        assert account_data[moment].endswith("Z")
    assert "v1." not in response.text


def test_a_failing_refresh_is_reported_by_code_and_not_in_the_platforms_words(
    alice_browser, alice, factory
):
    later = {"refresh_expires_at": func.now() + 4000 * HOUR}
    factory.create_account(alice.id, attempts=2, last_error="timeout: took too long", **later)
    factory.create_account(alice.id, attempts=1, last_error="<b>boo</b>: they said", **later)
    unknown_fault, known_fault = alice_browser.get("/api/platforms/tiktok/status").json["accounts"]
    assert [item["tokenHealth"] for item in (unknown_fault, known_fault)] == ["failing", "failing"]
    assert [item["tokenFault"] for item in (unknown_fault, known_fault)] == [
        "platform_error",
        "timeout",
    ]
    (tiktok, _) = alice_browser.get("/api/platforms").json["data"]
    assert tiktok["health"] == "degraded"


def test_a_lost_rotation_needs_a_reconnect_although_the_old_token_still_works(
    alice_browser, alice, factory
):
    factory.create_account(alice.id, refresh=None, status_cause="rotation_lost")
    (account_data,) = alice_browser.get("/api/platforms/tiktok/status").json["accounts"]
    assert (account_data["state"], account_data["tokenHealth"]) == ("ACTIVE", "ending")
    assert (account_data["needsReconnect"], account_data["cause"]) == (True, "rotation_lost")
    assert account_data["connectionEndsAt"] == account_data["tokenExpiresAt"]


def test_a_revoked_grant_needs_a_reconnect(alice_browser, alice, factory):
    revoked_status = {"status": "NEEDS_RECONNECT", "status_cause": "revoked"}
    factory.create_account(alice.id, scope="user.info.basic,video.publish", **revoked_status)
    (account_data,) = alice_browser.get("/api/platforms/tiktok/status").json["accounts"]
    assert (account_data["tokenHealth"], account_data["connectionEndsAt"]) == ("ended", None)
    assert account_data["canPublishDirect"] is False
    assert (account_data["state"], account_data["needsReconnect"]) == ("NEEDS_RECONNECT", True)
    platforms = {
        item["platform"]: item for item in alice_browser.get("/api/platforms").json["data"]
    }
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
def test_a_disconnect_erases_the_tokens_revokes_the_grant_and_keeps_the_history(
    alice_browser, alice, factory, platform_server, path
):
    account = factory.create_account(alice.id)
    waiting = factory.create_post(account)
    published = factory.create_post(account, state="PUBLISHED", due_at=None)
    response = alice_browser.post(path, json={})
    assert response.json == {"success": True, "revoked": True, "heldPosts": 1, "cancelledPosts": 0}
    row = factory.account(account)
    assert (row.status, row.access_token_encrypted) == ("DISCONNECTED", None)
    assert (row.refresh_token_encrypted, row.due_at) == (None, None)
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


def test_an_erasure_deletes_posts_and_their_files_of_that_account_only(
    alice_browser, alice, factory, app
):
    account, other = factory.create_account(alice.id), factory.create_account(alice.id)
    database = app.extensions[CONTAINER_KEY].database

    def create_media():
        with database.transaction() as session:
            fields = {"filename": "a.mp4", "content_type": "video/mp4", "size": 1, "path": "p"}
            media = Media(user_id=alice.id, expires_at=func.now() + 99 * HOUR, **fields)
            session.add(media)
            session.flush()
            return media.id

    own_media, shared_media = create_media(), create_media()
    factory.create_post(account, media_id=own_media)
    factory.create_post(account, media_id=shared_media)
    kept = factory.create_post(other, media_id=shared_media)
    response = alice_browser.post(DISCONNECT_ROUTE, json={"accountId": account, "erase": True})
    assert response.json["cancelledPosts"] == 2
    with database.transaction() as session:
        assert list(session.scalars(select(Post.id))) == [kept]
        expired_media = select(Media.id).where(Media.expires_at <= func.now())
        assert list(session.scalars(expired_media)) == [own_media]


def test_the_cause_is_translated_on_the_account_and_on_the_notification(
    alice_browser, alice, factory, app
):
    account = factory.create_account(alice.id)
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        grant_lifecycle.mark_revoked(session, session.get(Account, account), cause="account_banned")
    french = {"Accept-Language": "fr"}
    (account_data,) = alice_browser.get("/api/platforms/tiktok/status", headers=french).json[
        "accounts"
    ]
    (notification,) = alice_browser.get("/api/notifications").json["data"]
    assert account_data["userMessage"] == "La plateforme a banni le compte."
    assert notification["userMessage"] == "The platform has banned the account."
    assert notification["suggestion"]
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
        for account_id in (account, other):
            row = session.get(Account, account_id)
            grant_lifecycle.notify_owner(
                session, row, grant_lifecycle.REFRESH_FAILED, why="timeout"
            )
    alice_browser.post(DISCONNECT_ROUTE, json={"accountId": account, "erase": True})
    (remaining,) = alice_browser.get("/api/notifications").json["data"]
    assert remaining["payload"]["name"] == "Bob"
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        assert session.get(Account, account) is None


def test_one_of_several_accounts_has_to_be_named(alice_browser, alice, factory):
    first, second = factory.create_account(alice.id), factory.create_account(alice.id)
    response = alice_browser.post(DISCONNECT_ROUTE, json={})
    assert (response.status_code, response.json["error"]["code"]) == (400, "account_required")
    assert alice_browser.post(DISCONNECT_ROUTE, json={"accountId": first}).status_code == 200
    assert factory.account(second).status == "ACTIVE"


def test_accounts_of_others_or_unknown_ones_are_not_found(alice_browser, factory):
    other_account = factory.create_account()
    for body in ({}, {"accountId": other_account}, {"accountId": 10**18}):
        response = alice_browser.post(DISCONNECT_ROUTE, json=body)
        assert (response.status_code, response.json["error"]["code"]) == (404, "NOT_FOUND")
    assert factory.account(other_account).status == "ACTIVE"


@pytest.mark.parametrize(
    "body",
    [{"accountId": True}, {"accountId": "1"}, {"accountId": 1.0}, {"erase": "yes"}, {"erase": 1}],
)
def test_the_fields_of_a_disconnect_are_strictly_typed(alice_browser, alice, factory, body):
    account = factory.create_account(alice.id)
    response = alice_browser.post(DISCONNECT_ROUTE, json=body)
    assert (response.status_code, response.json["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert factory.account(account).status == "ACTIVE"


def test_a_disconnect_that_fails_is_reported_and_changes_nothing(
    alice_browser, alice, factory, platform_server, run_sql
):
    account = factory.create_account(alice.id)
    run_sql(REJECT_CHANGES_SQL)
    response = alice_browser.post(DISCONNECT_ROUTE, json={})
    assert (response.status_code, response.json["error"]["code"]) == (500, "disconnect_failed")
    assert response.json["error"]["retryable"] is True
    assert "disk full" not in response.text
    assert factory.account(account).status == "ACTIVE"
    assert platform_server.requests == []


def test_an_account_is_disconnected_even_if_the_platform_does_not_answer(
    alice_browser, alice, factory, platform_server
):
    account = factory.create_account(alice.id)
    set_responses(platform_server, http_response(500, b""))
    assert alice_browser.post(DISCONNECT_ROUTE, json={}).json["revoked"] is False
    assert factory.account(account).status == "DISCONNECTED"


def test_an_expired_token_is_refreshed_in_order_to_revoke_it(
    alice_browser, alice, factory, platform_server
):
    factory.create_account(alice.id, lasts=-HOUR, open_id="o")
    new_grant = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    set_responses(platform_server, flat_response(**new_grant), http_response(200, b""))
    assert alice_browser.post(DISCONNECT_ROUTE, json={}).json["revoked"] is True
    assert b"token=act.new" in platform_server.requests[1][1]


def test_a_read_key_may_not_disconnect(make_api_client, alice, factory):
    factory.create_account(alice.id)
    api_client = make_api_client(alice, "accounts:read")
    assert api_client.get("/api/platforms/tiktok/status").json["connected"] is True
    assert api_client.post(DISCONNECT_ROUTE, json={}).status_code == 403


def test_the_worker_secret_allows_refreshing_what_is_due(client, factory, platform_server):
    healthy = factory.create_account(lasts=-HOUR, open_id="o")
    broken = factory.create_account(lasts=-HOUR)
    factory.create_account(lasts=HOUR)
    factory.update_account(broken, refresh_token_encrypted="v1.1.not:to:open")
    new_grant = {"access_token": "act.new", "expires_in": 7200, "open_id": "o", "scope": "s"}
    set_responses(platform_server, flat_response(**new_grant))
    secret = {"X-Worker-Secret": WORKER_SECRET}
    response = client.post("/api/workers/token-refresh", headers=secret)
    assert response.json["result"] == {
        "total": 2,
        "refreshed": 1,
        "failed": 1,
        "skipped": 0,
        "errors": [{"accountId": broken, "provider": "tiktok", "error": "crypto_error"}],
    }
    assert factory.decrypted_tokens(healthy)[0] == "act.new"


def test_an_unknown_platform_error_is_reported_by_our_own_code(client, factory, platform_server):
    account = factory.create_account(lasts=-HOUR)
    set_responses(
        platform_server, flat_response(error="brand_new_<b>", error_description="words of theirs")
    )
    response = client.post("/api/workers/token-refresh", headers={"X-Worker-Secret": WORKER_SECRET})
    (error,) = response.json["result"]["errors"]
    assert error == {"accountId": account, "provider": "tiktok", "error": "platform_error"}
    assert "theirs" not in response.text


def test_one_run_refreshes_no_more_than_its_batch_size(app_factory, platform_server):
    server_settings = {
        "TIKTOK_API_BASE_URL": platform_server.url,
        "TIKTOK_AUTH_BASE_URL": platform_server.url,
    }
    app_with_small_batch = app_factory.create_app(
        WORKER_SECRET=WORKER_SECRET, REFRESH_BATCH="3", **server_settings
    )
    container = app_with_small_batch.extensions[CONTAINER_KEY]
    factory = RowFactory(container.database, container.services.key_ring)
    accounts = [factory.create_account(lasts=-HOUR) for _ in range(5)]
    # the response names no account, since it is the same for all five
    new_grant = {"access_token": "act.new", "expires_in": 7200, "scope": "s"}
    set_responses(platform_server, flat_response(**new_grant))
    post = app_with_small_batch.test_client().post
    results = [
        post("/api/workers/token-refresh", headers={"X-Worker-Secret": WORKER_SECRET}).json[
            "result"
        ]
        for _ in range(2)
    ]
    assert [item["refreshed"] for item in results] == [3, 2]
    assert {factory.decrypted_tokens(account)[0] for account in accounts} == {"act.new"}


def test_an_account_without_a_refresh_token_counts_as_failed(client, factory):
    account = factory.create_account(lasts=-HOUR, refresh=None)
    response = client.post("/api/workers/token-refresh", headers={"X-Worker-Secret": WORKER_SECRET})
    (error,) = response.json["result"]["errors"]
    assert (error["accountId"], error["error"]) == (account, "no_refresh_token")


def test_a_worker_run_needs_the_secret_and_get_only_describes_it(client, factory, app_factory):
    account = factory.create_account(lasts=-HOUR)
    path = "/api/workers/token-refresh"
    assert client.post(path).status_code == 401
    assert client.post(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    described = client.get(path).json
    assert (described["status"], described["worker"]) == ("ok", "token-refresh-scheduler")
    assert factory.account(account).attempts == 0
    client_without_secret = app_factory.create_app(WORKER_SECRET="").test_client()
    assert client_without_secret.post(path, headers={"X-Worker-Secret": ""}).status_code == 503


def test_only_the_owner_can_mark_notifications_as_read(alice_browser, alice, factory, app):
    with app.extensions[CONTAINER_KEY].database.transaction() as session:
        for cause in ("a", "b", "c"):
            Notifications(session).add(alice.id, "needs_reconnect", cause=cause, account_id=1)
        Notifications(session).add(factory.create_user(), "needs_reconnect", cause="d")
    first_page = alice_browser.get("/api/notifications?limit=2").json
    assert (len(first_page["data"]), first_page["unread"]) == (2, 3)
    last_page = alice_browser.get(f"/api/notifications?cursor={first_page['nextCursor']}").json
    assert (len(last_page["data"]), last_page["nextCursor"]) == (1, None)
    own_id, other_users_id = last_page["data"][0]["id"], first_page["data"][0]["id"] + 1
    assert alice_browser.post(f"/api/notifications/{own_id}/read").status_code == 200
    assert alice_browser.post(f"/api/notifications/{other_users_id}/read").status_code == 404
    assert len(alice_browser.get("/api/notifications?unread=true").json["data"]) == 2
    assert alice_browser.post("/api/notifications/read-all").json["read"] == 2
