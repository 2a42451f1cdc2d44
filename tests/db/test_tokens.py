"""Refreshes on real rows, with a platform that answers by script."""

import pytest
from sqlalchemy import func

from core.accounts.refresh import POLICY, WORK
from core.engine.kinds import Report
from core.engine.perform import perform_all
from core.engine.record import write
from core.engine.work import claim, run
from db.grants import Grants
from tests.db.renewals import (
    AWAY,
    DEAD,
    answers,
    refresh,
    renewed,
    ring,
    server,
    tenants,
    unanswered,
    world,
)
from tests.platforms.hostile import a_port_nobody_listens_on, answer
from tests.tenants import HOUR, a_world

__all__ = ["refresh", "server", "tenants", "world"]  # fixtures


def test_a_refresh_replaces_both_tokens_both_ends_and_the_version(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR, last_used_at=func.now())
    answers(server, renewed())
    refresh(account)
    after = tenants.account(account)
    assert tenants.tokens(account) == ("act.new", "rft.new")
    assert (after.token_version, after.attempts, after.last_error) == (1, 0, None)
    assert after.refresh_started_at is None
    assert 1.9 * HOUR < after.expires_at - after.last_refreshed_at < 2.1 * HOUR
    assert after.refresh_expires_at - after.last_refreshed_at > 179 * 24 * HOUR
    assert 1.3 * HOUR < after.due_at - after.last_refreshed_at < 1.7 * HOUR


def test_an_answer_without_a_refresh_token_keeps_the_old_one(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    before = tenants.account(account)
    answers(server, renewed(refresh_token=None, refresh_expires_in=None))
    refresh(account)
    assert tenants.tokens(account) == ("act.new", "rft.old")
    assert tenants.account(account).refresh_expires_at == before.refresh_expires_at


def test_a_dormant_account_rests_for_days(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    answers(server, renewed())
    refresh(account)
    after = tenants.account(account)
    assert after.due_at - after.last_refreshed_at > 6 * 24 * HOUR


def test_permissions_follow_the_answer_and_a_loss_is_told(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    answers(server, renewed(scope="user.info.basic,video.list"))
    refresh(account)
    after = tenants.account(account)
    assert after.scope == "user.info.basic,video.list"
    (notice,) = tenants.notices(after.user_id)
    assert (notice.kind, notice.payload["why"]) == ("permissions_missing", "video.upload")
    answers(server, renewed(scope=""))
    refresh(account)
    assert tenants.account(account).scope == "user.info.basic,video.list"


def test_an_end_that_renewals_do_not_move_is_told_once_in_good_time(server, tenants, refresh):
    """As in the older profile, where the refresh token counts from the first consent."""
    account = tenants.an_account(lasts=-HOUR, refresh_expires_at=func.now() + 240 * HOUR)
    for _ in range(2):
        answers(server, renewed(refresh_expires_in=240 * 3600))
        refresh(account)
    after = tenants.account(account)
    told = [notice.kind for notice in tenants.notices(after.user_id)]
    assert set(told) == {"connection_ends_soon"}
    assert len(told) <= 2, "one, or two around midnight"


def test_an_end_that_moves_worries_nobody(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR, refresh_expires_at=func.now() + 10 * HOUR)
    answers(server, renewed(refresh_expires_in=240 * 3600))
    refresh(account)
    assert tenants.notices(tenants.account(account).user_id) == []


def test_posts_that_wait_for_the_token_are_woken_by_it(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    waits = tenants.a_post(account, due_at=func.now() + HOUR, last_error="token on its way")
    other = tenants.a_post(account, due_at=func.now() + HOUR)
    answers(server, renewed())
    refresh(account)
    woken, asleep = tenants.post(waits), tenants.post(other)
    assert woken.due_at < asleep.due_at - HOUR / 2


@pytest.mark.parametrize("script", [AWAY, answer(429, b""), answer(200, b"<html>")])
def test_trouble_at_the_platform_keeps_the_grant(server, tenants, refresh, script):
    account = tenants.an_account(lasts=-HOUR)
    answers(server, script)
    refresh(account)
    after = tenants.account(account)
    assert (after.status, after.attempts) == ("ACTIVE", 1)
    assert after.due_at is not None
    assert tenants.tokens(account) == ("act.old", "rft.old")


def test_a_platform_out_of_reach_keeps_the_grant_and_leaves_no_doubt(
    database, database_url, redis_url, tenants, world
):
    account = tenants.an_account(lasts=-HOUR)
    nowhere = a_port_nobody_listens_on()
    away = a_world(database_url, nowhere, REDIS_URL=redis_url, TOKEN_ENCRYPTION_KEY=ring(world))
    run(WORK, database, away, only=account)
    after = tenants.account(account)
    assert (after.status, after.attempts, after.refresh_started_at) == ("ACTIVE", 1, None)


def test_a_dead_grant_parks_its_posts_and_tells_its_owner_once(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    post = tenants.a_post(account)
    answers(server, DEAD)
    refresh(account)
    after = tenants.account(account)
    assert (after.status, after.status_cause, after.due_at) == ("NEEDS_RECONNECT", "revoked", None)
    refresh(account)
    parked = tenants.post(post)
    assert (parked.due_at, parked.hold_reason) == (None, "needs_reconnect")
    assert [notice.kind for notice in tenants.notices(after.user_id)] == ["needs_reconnect"]
    assert len(server.seen) == 1


def test_a_lost_answer_is_asked_for_once_more_with_the_same_token(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    unanswered(server)
    refresh(account)
    assert tenants.account(account).refresh_started_at is not None
    answers(server, renewed())
    refresh(account)
    first, second = (body for _, body in server.seen)
    assert first == second
    assert tenants.tokens(account) == ("act.new", "rft.new")
    assert tenants.account(account).refresh_started_at is None


def test_a_lost_rotation_is_told_and_the_old_token_serves_until_it_ends(server, tenants, refresh):
    account = tenants.an_account(lasts=HOUR)
    user = tenants.account(account).user_id
    unanswered(server)
    refresh(account)
    answers(server, DEAD)
    refresh(account)
    after = tenants.account(account)
    assert (after.status, after.status_cause) == ("ACTIVE", "rotation_lost")
    assert abs(after.due_at - after.expires_at) < HOUR / 60
    assert tenants.tokens(account) == ("act.old", None)
    assert [notice.payload["why"] for notice in tenants.notices(user)] == ["rotation_lost"]
    refresh(account)
    after = tenants.account(account)
    assert (after.status, after.status_cause) == ("NEEDS_RECONNECT", "rotation_lost")
    assert len(tenants.notices(user)) == 1


def test_a_refusal_after_a_fault_of_the_same_call_is_a_lost_rotation(server, tenants, refresh):
    """The fault may have come after the work: then the first try has used the token up."""
    account = tenants.an_account(lasts=HOUR)
    answers(server, answer(500, b""), DEAD)
    refresh(account)
    after = tenants.account(account)
    assert len(server.seen) == 2
    assert (after.status, after.status_cause) == ("ACTIVE", "rotation_lost")


def test_a_lost_rotation_of_an_ended_token_needs_its_owner_at_once(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    unanswered(server)
    refresh(account)
    answers(server, DEAD)
    refresh(account)
    after = tenants.account(account)
    assert (after.status, after.status_cause) == ("NEEDS_RECONNECT", "rotation_lost")


def test_an_open_circuit_does_not_settle_the_doubt_either(server, world, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR)
    unanswered(server)
    for _ in range(6):
        refresh(account)
    assert tenants.account(account).last_error.startswith("SERVICE_UNAVAILABLE")
    assert tenants.account(account).refresh_started_at is not None


@pytest.mark.parametrize("script", [answer(429, b""), AWAY])
def test_a_later_refusal_does_not_settle_the_doubt_of_a_lost_answer(
    server, tenants, refresh, script
):
    account = tenants.an_account(lasts=-HOUR)
    unanswered(server)
    refresh(account)
    answers(server, script)
    refresh(account)
    answers(server, DEAD)
    refresh(account)
    assert tenants.account(account).status_cause == "rotation_lost"


def test_what_does_not_open_is_kept_and_costs_no_neighbour(server, database, world, tenants):
    broken = tenants.an_account(lasts=-HOUR)
    post = tenants.a_post(broken)
    sealed = tenants.account(tenants.an_account()).refresh_token_encrypted
    tenants.change(broken, refresh_token_encrypted=sealed)
    sound = tenants.an_account(lasts=-HOUR)
    answers(server, renewed())
    run(WORK, database, world)
    after = tenants.account(broken)
    assert (after.status, after.refresh_token_encrypted) == ("CRYPTO_ERROR", sealed)
    assert tenants.post(post).hold_reason == "needs_reconnect"
    assert tenants.tokens(sound) == ("act.new", "rft.new")
    assert len(server.seen) == 1


def test_after_long_trouble_the_owner_is_told_once_and_we_go_on_asking(server, tenants, refresh):
    account = tenants.an_account(lasts=-HOUR, attempts=POLICY.attempts - 1)
    user = tenants.account(account).user_id
    answers(server, AWAY)
    for _ in range(3):
        refresh(account)
    after = tenants.account(account)
    assert (after.status, len(server.seen)) == ("ACTIVE", 3 * 3)
    assert after.due_at is not None
    assert [notice.kind for notice in tenants.notices(user)] == ["refresh_failed"]
    answers(server, renewed())
    refresh(account)
    assert tenants.tokens(account) == ("act.new", "rft.new")


def test_a_platform_that_is_switched_off_costs_no_grant(
    database, database_url, redis_url, tenants, world
):
    account = tenants.an_account(lasts=-HOUR)
    off = a_world(
        database_url,
        "http://127.0.0.1:9",
        REDIS_URL=redis_url,
        TIKTOK_CLIENT_KEY="",
        TOKEN_ENCRYPTION_KEY=ring(world),
    )
    run(WORK, database, off, only=account)
    after = tenants.account(account)
    assert after.status == "ACTIVE"
    assert after.due_at is not None


def test_a_reconnect_fences_the_refresh_that_is_under_way(server, database, world, tenants):
    """Its refusal is about a token that nobody has any more: the new grant must live."""
    account = tenants.an_account(lasts=-HOUR)
    before = tenants.account(account)
    (hand,) = claim(WORK, database, limit=1, lapsed=False, only=account)
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
    answers(server, DEAD)
    report = Report()
    write(WORK, database, world, next(perform_all(WORK, [hand], world)), report)
    after = tenants.account(account)
    assert (report.fenced, after.status) == (1, "ACTIVE")
    assert (after.access_token_encrypted, after.refresh_token_encrypted) == ("newer", "newer too")
