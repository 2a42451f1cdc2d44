"""Token refresh on real rows, with a platform that answers by script."""

import pytest
from sqlalchemy import func

from core.accounts.refresh import REFRESH_JOB_TYPE, REFRESH_RETRY_POLICY
from core.accounts.tokens import CALL_REFUSED, REFRESH_REQUESTED
from core.health.row_conditions import count_failed_refreshes
from core.jobs.executor import execute_all
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch, run_jobs
from db.accounts.grants import Grants
from tests.db.accounts_refresh_harness import (
    REFRESHED_OPEN_ID,
    REVOKED_GRANT_RESPONSE,
    UNAVAILABLE_RESPONSE,
    drop_responses,
    encryption_key,
    factory,
    platform_server,
    refresh_account,
    refresh_response,
    script_responses,
    services,
)
from tests.platforms.hostile_server import closed_port_url, http_response
from tests.support.row_factory import HOUR, make_services

__all__ = ["factory", "platform_server", "refresh_account", "services"]  # fixtures


def test_a_refresh_replaces_tokens_expiry_times_and_version(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR, last_used_at=func.now())
    script_responses(platform_server, refresh_response())
    refresh_account(account)
    after = factory.account(account)
    assert factory.decrypted_tokens(account) == ("act.new", "rft.new")
    assert (after.token_version, after.attempts, after.last_error) == (1, 0, None)
    assert after.refresh_started_at is None
    assert 1.9 * HOUR < after.expires_at - after.last_refreshed_at < 2.1 * HOUR
    assert after.refresh_expires_at - after.last_refreshed_at > 179 * 24 * HOUR
    assert 1.3 * HOUR < after.due_at - after.last_refreshed_at < 1.7 * HOUR


def test_a_response_without_a_refresh_token_keeps_the_old_one(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR)
    before = factory.account(account)
    script_responses(platform_server, refresh_response(refresh_token=None, refresh_expires_in=None))
    refresh_account(account)
    assert factory.decrypted_tokens(account) == ("act.new", "rft.old")
    assert factory.account(account).refresh_expires_at == before.refresh_expires_at


def test_an_unused_account_is_refreshed_only_after_days(platform_server, factory, refresh_account):
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, refresh_response())
    refresh_account(account)
    after = factory.account(account)
    assert after.due_at - after.last_refreshed_at > 6 * 24 * HOUR


def test_permissions_follow_the_response_and_a_loss_is_notified(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, refresh_response(scope="user.info.basic,video.list"))
    refresh_account(account)
    after = factory.account(account)
    assert after.scope == "user.info.basic,video.list"
    (notification,) = factory.load_notifications(after.user_id)
    assert (notification.kind, notification.payload["why"]) == (
        "permissions_missing",
        "video.upload",
    )
    script_responses(platform_server, refresh_response(scope=""))
    refresh_account(account)
    assert factory.account(account).scope == "user.info.basic,video.list"


def test_an_expiry_that_refreshes_do_not_move_is_notified_once_in_time(
    platform_server, factory, refresh_account
):
    """As in the older profile, where the refresh token's lifetime counts from the consent."""
    account = factory.create_account(lasts=-HOUR, refresh_expires_at=func.now() + 240 * HOUR)
    for _ in range(2):
        script_responses(platform_server, refresh_response(refresh_expires_in=240 * 3600))
        refresh_account(account)
    after = factory.account(account)
    kinds = [notification.kind for notification in factory.load_notifications(after.user_id)]
    assert set(kinds) == {"connection_ends_soon"}
    assert len(kinds) <= 2, "one, or two around midnight"


def test_an_expiry_that_moves_is_not_notified(platform_server, factory, refresh_account):
    account = factory.create_account(lasts=-HOUR, refresh_expires_at=func.now() + 10 * HOUR)
    script_responses(platform_server, refresh_response(refresh_expires_in=240 * 3600))
    refresh_account(account)
    assert factory.load_notifications(factory.account(account).user_id) == []


@pytest.mark.parametrize("last_error", [REFRESH_REQUESTED, CALL_REFUSED])
def test_posts_that_wait_for_the_token_are_woken_by_it(
    platform_server, factory, refresh_account, last_error
):
    account = factory.create_account(lasts=-HOUR)
    waiting = factory.create_post(account, due_at=func.now() + HOUR, last_error=last_error)
    other = factory.create_post(account, due_at=func.now() + HOUR)
    script_responses(platform_server, refresh_response())
    refresh_account(account)
    assert factory.post(waiting).due_at < factory.post(other).due_at - HOUR / 2


@pytest.mark.parametrize(
    "script", [UNAVAILABLE_RESPONSE, http_response(429, b""), http_response(200, b"<html>")]
)
def test_an_error_of_the_platform_keeps_the_grant(
    platform_server, factory, refresh_account, script
):
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, script)
    refresh_account(account)
    after = factory.account(account)
    assert (after.status, after.attempts) == ("ACTIVE", 1)
    assert after.due_at is not None
    assert factory.decrypted_tokens(account) == ("act.old", "rft.old")


def test_an_unreachable_platform_keeps_the_grant_and_certainly_rotated_nothing(
    database, database_url, redis_url, factory, services
):
    account = factory.create_account(lasts=-HOUR)
    unreachable_services = make_services(
        database_url,
        closed_port_url(),
        REDIS_URL=redis_url,
        TOKEN_ENCRYPTION_KEY=encryption_key(services),
    )
    run_jobs(REFRESH_JOB_TYPE, database, unreachable_services, row_id=account)
    after = factory.account(account)
    assert (after.status, after.attempts, after.refresh_started_at) == ("ACTIVE", 1, None)


def test_a_revoked_grant_parks_its_posts_and_notifies_its_owner_once(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR)
    post = factory.create_post(account)
    script_responses(platform_server, REVOKED_GRANT_RESPONSE)
    refresh_account(account)
    after = factory.account(account)
    assert (after.status, after.status_cause, after.due_at) == ("NEEDS_RECONNECT", "revoked", None)
    refresh_account(account)
    parked = factory.post(post)
    assert (parked.due_at, parked.hold_reason) == (None, "needs_reconnect")
    assert [notification.kind for notification in factory.load_notifications(after.user_id)] == [
        "needs_reconnect"
    ]
    assert len(platform_server.requests) == 1


@pytest.mark.alert("token_refresh_failure")
def test_grants_that_the_platform_has_ended_count_as_failed_refreshes(
    platform_server, database, services, factory, refresh_account
):
    script_responses(platform_server, *[REVOKED_GRANT_RESPONSE] * 3, refresh_response())
    for open_id in ("-000a", "-000b", "-000c", REFRESHED_OPEN_ID):
        refresh_account(factory.create_account(lasts=-HOUR, open_id=open_id))
    with database.transaction() as session:
        measured = count_failed_refreshes(session, services)
    assert (measured.value, measured.details["total"]) == (3, 4)
    assert measured.details["codes"] == {"invalid_grant": 3}


def test_after_a_lost_response_the_refresh_is_repeated_with_the_same_token(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR)
    drop_responses(platform_server)
    refresh_account(account)
    assert factory.account(account).refresh_started_at is not None
    script_responses(platform_server, refresh_response())
    refresh_account(account)
    first, second = (body for _, body in platform_server.requests)
    assert first == second
    assert factory.decrypted_tokens(account) == ("act.new", "rft.new")
    assert factory.account(account).refresh_started_at is None


def test_a_lost_rotation_is_notified_and_the_access_token_is_used_until_it_expires(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=HOUR)
    user = factory.account(account).user_id
    drop_responses(platform_server)
    refresh_account(account)
    script_responses(platform_server, REVOKED_GRANT_RESPONSE)
    refresh_account(account)
    after = factory.account(account)
    assert (after.status, after.status_cause) == ("ACTIVE", "rotation_lost")
    assert abs(after.due_at - after.expires_at) < HOUR / 60
    assert factory.decrypted_tokens(account) == ("act.old", None)
    assert [notification.payload["why"] for notification in factory.load_notifications(user)] == [
        "rotation_lost"
    ]
    refresh_account(account)
    after = factory.account(account)
    assert (after.status, after.status_cause) == ("NEEDS_RECONNECT", "rotation_lost")
    assert len(factory.load_notifications(user)) == 1


def test_a_refusal_after_a_server_error_of_the_same_call_is_a_lost_rotation(
    platform_server, factory, refresh_account
):
    """The error may have come after the rotation: then the first attempt used the token up."""
    account = factory.create_account(lasts=HOUR)
    script_responses(platform_server, http_response(500, b""), REVOKED_GRANT_RESPONSE)
    refresh_account(account)
    after = factory.account(account)
    assert len(platform_server.requests) == 2
    assert (after.status, after.status_cause) == ("ACTIVE", "rotation_lost")


def test_a_lost_rotation_of_an_expired_token_needs_a_reconnect_at_once(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR)
    drop_responses(platform_server)
    refresh_account(account)
    script_responses(platform_server, REVOKED_GRANT_RESPONSE)
    refresh_account(account)
    after = factory.account(account)
    assert (after.status, after.status_cause) == ("NEEDS_RECONNECT", "rotation_lost")


def test_an_open_circuit_keeps_the_outcome_unknown(
    platform_server, services, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR)
    drop_responses(platform_server)
    for _ in range(6):
        refresh_account(account)
    assert factory.account(account).last_error.startswith("SERVICE_UNAVAILABLE")
    assert factory.account(account).refresh_started_at is not None


@pytest.mark.parametrize("script", [http_response(429, b""), UNAVAILABLE_RESPONSE])
def test_a_later_error_keeps_the_outcome_of_a_lost_response_unknown(
    platform_server, factory, refresh_account, script
):
    account = factory.create_account(lasts=-HOUR)
    drop_responses(platform_server)
    refresh_account(account)
    script_responses(platform_server, script)
    refresh_account(account)
    script_responses(platform_server, REVOKED_GRANT_RESPONSE)
    refresh_account(account)
    assert factory.account(account).status_cause == "rotation_lost"


def test_what_does_not_decrypt_is_kept_and_affects_no_other_row(
    platform_server, database, services, factory
):
    broken = factory.create_account(lasts=-HOUR, open_id="broken")
    post = factory.create_post(broken)
    encrypted = factory.account(factory.create_account(open_id="other")).refresh_token_encrypted
    factory.update_account(broken, refresh_token_encrypted=encrypted)
    intact = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, refresh_response())
    run_jobs(REFRESH_JOB_TYPE, database, services)
    after = factory.account(broken)
    assert (after.status, after.refresh_token_encrypted) == ("CRYPTO_ERROR", encrypted)
    assert factory.post(post).hold_reason == "needs_reconnect"
    assert factory.decrypted_tokens(intact) == ("act.new", "rft.new")
    assert len(platform_server.requests) == 1


def test_after_exhausted_retries_the_owner_is_notified_once_and_refreshing_goes_on(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR, attempts=REFRESH_RETRY_POLICY.max_attempts - 1)
    user = factory.account(account).user_id
    script_responses(platform_server, UNAVAILABLE_RESPONSE)
    for _ in range(3):
        refresh_account(account)
    after = factory.account(account)
    assert (after.status, len(platform_server.requests)) == ("ACTIVE", 3 * 3)
    assert after.due_at is not None
    assert [notification.kind for notification in factory.load_notifications(user)] == [
        "refresh_failed"
    ]
    script_responses(platform_server, refresh_response())
    refresh_account(account)
    assert factory.decrypted_tokens(account) == ("act.new", "rft.new")


def test_a_platform_that_is_switched_off_keeps_the_grant(
    database, database_url, redis_url, factory, services
):
    account = factory.create_account(lasts=-HOUR)
    services_without_tiktok = make_services(
        database_url,
        "http://127.0.0.1:9",
        REDIS_URL=redis_url,
        TIKTOK_CLIENT_KEY="",
        TOKEN_ENCRYPTION_KEY=encryption_key(services),
    )
    run_jobs(REFRESH_JOB_TYPE, database, services_without_tiktok, row_id=account)
    after = factory.account(account)
    assert after.status == "ACTIVE"
    assert after.due_at is not None


def test_a_reconnect_invalidates_the_refresh_under_way(
    platform_server, database, services, factory
):
    """The refusal is about the replaced token, so the new grant must stay active."""
    account = factory.create_account(lasts=-HOUR)
    before = factory.account(account)
    (claim,) = claim_batch(REFRESH_JOB_TYPE, database, limit=1, expired=False, row_id=account)
    with database.transaction() as session:
        Grants(session).store(
            user_id=before.user_id,
            provider="tiktok",
            open_id=before.open_id,
            scope="s",
            metadata={},
            access_token_encrypted="newer",
            refresh_token_encrypted="newer too",
            expires_at=func.now() + HOUR,
            refresh_due_at=func.now() + HOUR,
        )
    script_responses(platform_server, REVOKED_GRANT_RESPONSE)
    results = next(execute_all(REFRESH_JOB_TYPE, [claim], services))
    report = record_results(REFRESH_JOB_TYPE, database, services, results)
    after = factory.account(account)
    assert (report.stale_leases, after.status) == (1, "ACTIVE")
    assert (after.access_token_encrypted, after.refresh_token_encrypted) == ("newer", "newer too")
