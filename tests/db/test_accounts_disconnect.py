"""Disconnecting an account while a refresh, another disconnect or a reconnect happens."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import func, text

from core.accounts.connect import complete_connection, start_connection
from core.accounts.disconnect import disconnect_account
from core.accounts.erasure import request_erasure_of_disconnected
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.errors import NotFound, OperationFailed
from core.jobs.executor import execute_all
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch
from tests.db.accounts_refresh_harness import factory, services
from tests.platforms.hostile_server import hostile_server, http_response, set_responses
from tests.platforms.tiktok_responses import flat_response, ok_response
from tests.support.row_factory import HOUR

__all__ = ["factory", "services"]  # fixtures

TOKEN_PATH, REVOKE_PATH = "/v2/oauth/token/", "/v2/oauth/revoke/"
GRANT = {
    "access_token": "act.new",
    "expires_in": 7200,
    "open_id": "o",
    "refresh_token": "rft.new",
    "refresh_expires_in": 15_552_000,
}
GRANT_RESPONSE = flat_response(**GRANT, scope="s")


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        set_responses(server, http_response(200, b""))
        yield server


@pytest.fixture
def run_disconnect(database, services, factory):
    def disconnect(account, **options):
        owner = {"user_id": factory.account(account).user_id, "provider": "tiktok"}
        return disconnect_account(database, services, account_id=account, **owner, **options)

    return disconnect


@pytest.fixture
def open_transactions(database, platform_server):
    """The number of open transactions during each call to the platform."""
    counts = []

    def count_and_answer(response):
        def behaviour(sock):
            with database.transaction() as session:
                others = "datname = current_database() AND pid <> pg_backend_pid()"
                query = (
                    f"SELECT count(*) FROM pg_stat_activity WHERE {others} AND xact_start NOTNULL"
                )
                counts.append(session.scalar(text(query)))
            sock.sendall(response)

        return behaviour

    platform_server.behaviours[REVOKE_PATH] = count_and_answer(http_response(200, b""))
    platform_server.behaviours[TOKEN_PATH] = count_and_answer(GRANT_RESPONSE)
    return counts


def test_no_transaction_is_open_while_the_platform_is_called(
    database, services, platform_server, factory, run_disconnect, open_transactions
):
    set_responses(platform_server, ok_response(user={"open_id": "o"}))
    user = factory.create_user()
    with database.transaction() as session:
        redirect = start_connection(session, services, user_id=user, provider="tiktok")
    callback = {"user_id": user, "provider": "tiktok", "code": "c", "state": redirect.state}
    run_disconnect(complete_connection(database, services, **callback).account_id)
    assert open_transactions == [0, 0]


def test_a_disconnect_invalidates_the_refresh_under_way(
    database, services, platform_server, factory, run_disconnect
):
    account = factory.create_account(lasts=-HOUR)
    (claim,) = claim_batch(REFRESH_JOB_TYPE, database, limit=1, expired=False, row_id=account)
    run_disconnect(account)
    platform_server.behaviours[TOKEN_PATH] = lambda sock: sock.sendall(GRANT_RESPONSE)
    results = next(execute_all(REFRESH_JOB_TYPE, [claim], services))
    report = record_results(REFRESH_JOB_TYPE, database, services, results)
    after = factory.account(account)
    assert (report.stale_leases, after.status) == (1, "DISCONNECTED")
    assert (after.access_token_encrypted, after.refresh_token_encrypted) == (None, None)
    assert after.due_at is None


def test_of_two_concurrent_disconnects_one_finds_no_account(
    platform_server, factory, run_disconnect
):
    account = factory.create_account()

    def disconnect_if_connected(_):
        with suppress(NotFound):
            return run_disconnect(account).is_revoked

    with ThreadPoolExecutor(2) as threads:
        results = threads.map(disconnect_if_connected, range(2))
        assert sorted(results, key=str) == [None, True]
    assert [path for path, _ in platform_server.requests] == [REVOKE_PATH]


def test_a_reconnect_resumes_what_a_disconnect_parked(
    database, services, platform_server, factory, run_disconnect
):
    account = factory.create_account(open_id="o")
    parked = factory.create_post(account)
    assert run_disconnect(account).parked_posts == 1
    assert factory.post(parked).due_at is None
    platform_server.behaviours[TOKEN_PATH] = lambda sock: sock.sendall(GRANT_RESPONSE)
    set_responses(platform_server, ok_response(user={"open_id": "o"}))
    user = factory.account(account).user_id
    with database.transaction() as session:
        redirect = start_connection(session, services, user_id=user, provider="tiktok")
    callback = {"user_id": user, "provider": "tiktok", "code": "c", "state": redirect.state}
    assert complete_connection(database, services, **callback).account_id == account
    resumed = factory.post(parked)
    assert (resumed.hold_reason, resumed.state) == (None, "QUEUED")
    assert resumed.due_at is not None


def test_what_was_already_sent_is_neither_parked_nor_cancelled(factory, run_disconnect):
    account = factory.create_account()
    processing = factory.create_post(account, state="PROCESSING", publish_id="p")
    scheduled = factory.create_post(account, publish_at=func.now() + HOUR, due_at=func.now() + HOUR)
    result = run_disconnect(account, queued_posts="cancel")
    assert (result.parked_posts, result.cancelled_posts) == (0, 1)
    assert factory.post(processing).state == "PROCESSING"
    assert factory.post(scheduled).state == "CANCELLED"


def test_the_tokens_of_another_account_are_not_revoked(factory, platform_server, run_disconnect):
    """An expired access token is refreshed for the revocation; the answer names another account."""
    account = factory.create_account(lasts=-HOUR)
    platform_server.behaviours[TOKEN_PATH] = lambda sock: sock.sendall(GRANT_RESPONSE)
    assert not run_disconnect(account).is_revoked
    assert [path for path, _ in platform_server.requests] == [TOKEN_PATH]
    assert factory.account(account).status == "DISCONNECTED"


def connect(database, services, user):
    with database.transaction() as session:
        redirect = start_connection(session, services, user_id=user, provider="tiktok")
    callback = {"user_id": user, "provider": "tiktok", "code": "c", "state": redirect.state}
    return complete_connection(database, services, **callback).account_id


def test_the_profile_of_another_account_is_dropped(database, services, platform_server, factory):
    platform_server.behaviours[TOKEN_PATH] = lambda sock: sock.sendall(
        flat_response(**GRANT, scope=["user.info.basic"])
    )
    user = {"open_id": "eve", "display_name": "Eve"}
    set_responses(platform_server, ok_response(user=user))
    account = factory.account(connect(database, services, factory.create_user()))
    assert (account.open_id, account.scope) == ("o", "user.info.basic")
    assert "display_name" not in account.details


def test_a_grant_that_names_no_account_is_stored_under_that_of_its_profile(
    database, services, platform_server, factory
):
    platform_server.behaviours[TOKEN_PATH] = lambda sock: sock.sendall(
        flat_response(**{**GRANT, "open_id": None})
    )
    set_responses(platform_server, ok_response(user={"open_id": "o", "display_name": "Ada"}))
    account = factory.account(connect(database, services, factory.create_user()))
    assert (account.open_id, account.details["display_name"]) == ("o", "Ada")
    assert account.scope.split(",") == list(services.settings.apps["tiktok"].scopes)
    assert factory.load_notifications(account.user_id) == []


def test_a_grant_that_nothing_names_an_account_for_is_not_stored(
    database, services, platform_server, factory
):
    platform_server.behaviours[TOKEN_PATH] = lambda sock: sock.sendall(
        flat_response(**{**GRANT, "open_id": None})
    )
    set_responses(platform_server, ok_response(user={"display_name": "Ada"}))
    with pytest.raises(OperationFailed) as caught:
        connect(database, services, factory.create_user())
    assert caught.value.code == "platform_error"


INSERT_METRICS = """
WITH video AS (
  INSERT INTO tiktok_videos (user_id, oauth_account_id, video_id, posted_at)
       SELECT user_id, id, '7000' || id, now() FROM oauth_accounts RETURNING id)
INSERT INTO metric_snapshots (provider, subject_type, subject_id, metric, value)
     SELECT 'tiktok', 'video', id, 'views', 1 FROM video
      UNION ALL SELECT 'tiktok', 'account', id, 'followers', 2 FROM oauth_accounts
"""


def test_an_erased_account_leaves_no_metrics_of_its_videos(database, factory, run_disconnect):
    erased, kept = factory.create_account(), factory.create_account(open_id="-000kept")
    with database.transaction() as session:
        session.execute(text(INSERT_METRICS))
    run_disconnect(erased, erase=True)
    with database.transaction() as session:
        counted = session.execute(
            text("SELECT subject_type, count(*) FROM metric_snapshots GROUP BY 1 ORDER BY 1")
        ).all()
        owners = session.execute(text("SELECT oauth_account_id FROM tiktok_videos")).all()
    assert [tuple(row) for row in counted] == [("account", 1), ("video", 1)]
    assert owners == [(kept,)]


def test_an_account_that_is_disconnected_already_is_erased_by_its_id_only(
    factory, database, run_disconnect
):
    account = factory.create_account()
    run_disconnect(account)
    with pytest.raises(NotFound):
        run_disconnect(account)  # nothing is left to disconnect
    other = factory.create_account()
    with pytest.raises(NotFound):  # of another user
        disconnect_account(
            database,
            None,
            user_id=factory.account(other).user_id + 1,
            provider="tiktok",
            account_id=other,
            erase=True,
        )
    run_disconnect(account, erase=True)
    with database.transaction() as session:
        assert session.execute(text("SELECT id FROM oauth_accounts")).all() == [(other,)]


def test_disconnected_accounts_are_kept_unless_a_retention_is_set(database, factory, services):
    old, recent, connected = (
        factory.create_account(open_id=f"-000{name}") for name in ("old", "recent", "connected")
    )
    mark_disconnected = text(
        "UPDATE oauth_accounts SET status = 'DISCONNECTED', disconnected_at = now() - :age"
        " WHERE id = :id"
    )
    with database.transaction() as session:
        session.execute(mark_disconnected, {"age": 31 * 24 * HOUR, "id": old})
        session.execute(mark_disconnected, {"age": 29 * 24 * HOUR, "id": recent})
    assert request_erasure_of_disconnected(database, services) == 0
    limits = services.settings.limits.model_copy(update={"disconnected_retention": 30 * 24 * HOUR})
    settings = services.settings.model_copy(update={"limits": limits})
    with_retention = replace(services, settings=settings)
    assert request_erasure_of_disconnected(database, with_retention) == 1
    with database.transaction() as session:
        rows = session.execute(text("SELECT id FROM oauth_accounts ORDER BY id")).scalars()
        assert list(rows) == [recent, connected]
