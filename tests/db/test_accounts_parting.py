"""Disconnects against whatever happens at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import func, text

from core.accounts.connect import begin, complete
from core.accounts.disconnect import disconnect
from core.accounts.refresh import WORK
from core.engine.kinds import Report
from core.engine.perform import perform_all
from core.engine.record import write
from core.engine.work import claim
from core.errors import NotFound
from tests.db.renewals import tenants, world
from tests.platforms.hostile import answer, hostile_server, plays
from tests.platforms.script import flat, ok
from tests.tenants import HOUR

__all__ = ["tenants", "world"]  # fixtures

TOKEN, REVOKE = "/v2/oauth/token/", "/v2/oauth/revoke/"
GRANT = flat(
    access_token="act.new",
    expires_in=7200,
    open_id="o",
    refresh_token="rft.new",
    refresh_expires_in=15_552_000,
    scope="s",
)


@pytest.fixture
def server():
    with hostile_server() as server:
        plays(server, answer(200, b""))
        yield server


@pytest.fixture
def part(database, world, tenants):
    def once(account, **wishes):
        who = {"user_id": tenants.account(account).user_id, "provider": "tiktok"}
        return disconnect(database, world, account_id=account, **who, **wishes)

    return once


@pytest.fixture
def watched(database, server):
    """How many transactions were open while the platform was spoken to, per call."""
    seen = []

    def answering(reply):
        def manner(sock):
            with database.transaction() as session:
                mine = "datname = current_database() AND pid <> pg_backend_pid()"
                asked = f"SELECT count(*) FROM pg_stat_activity WHERE {mine} AND xact_start NOTNULL"
                seen.append(session.scalar(text(asked)))
            sock.sendall(reply)

        return manner

    server.manners[REVOKE] = answering(answer(200, b""))
    server.manners[TOKEN] = answering(GRANT)
    return seen


def test_no_transaction_is_open_while_the_platform_is_spoken_to(
    database, world, server, tenants, part, watched
):
    plays(server, ok(user={"open_id": "o"}))
    user = tenants.a_user()
    with database.transaction() as session:
        departure = begin(session, world, user_id=user, provider="tiktok")
    back = {"user_id": user, "provider": "tiktok", "code": "c", "state": departure.state}
    part(complete(database, world, **back).account_id)
    assert watched == [0, 0]


def test_a_disconnect_fences_the_refresh_that_is_under_way(database, world, server, tenants, part):
    account = tenants.an_account(lasts=-HOUR)
    (hand,) = claim(WORK, database, limit=1, lapsed=False, only=account)
    part(account)
    server.manners[TOKEN] = lambda sock: sock.sendall(GRANT)
    report = Report()
    write(WORK, database, world, next(perform_all(WORK, [hand], world)), report)
    after = tenants.account(account)
    assert (report.fenced, after.status) == (1, "DISCONNECTED")
    assert (after.access_token_encrypted, after.refresh_token_encrypted) == (None, None)
    assert after.due_at is None


def test_of_two_who_disconnect_at_once_one_finds_nothing_any_more(server, tenants, part):
    account = tenants.an_account()

    def try_it(_):
        with suppress(NotFound):
            return part(account).revoked

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(try_it, range(2)), key=str) == [None, True]
    assert [path for path, _ in server.seen] == [REVOKE]


def test_a_reconnect_brings_back_what_a_disconnect_held(database, world, server, tenants, part):
    account = tenants.an_account(open_id="o")
    held = tenants.a_post(account)
    assert part(account).held == 1
    assert tenants.post(held).due_at is None
    server.manners[TOKEN] = lambda sock: sock.sendall(GRANT)
    plays(server, ok(user={"open_id": "o"}))
    user = tenants.account(account).user_id
    with database.transaction() as session:
        departure = begin(session, world, user_id=user, provider="tiktok")
    back = {"user_id": user, "provider": "tiktok", "code": "c", "state": departure.state}
    assert complete(database, world, **back).account_id == account
    resumed = tenants.post(held)
    assert (resumed.hold_reason, resumed.state) == (None, "QUEUED")
    assert resumed.due_at is not None


def test_what_already_left_is_neither_held_nor_cancelled(tenants, part):
    account = tenants.an_account()
    underway = tenants.a_post(account, state="PROCESSING", publish_id="p")
    later = tenants.a_post(account, publish_at=func.now() + HOUR, due_at=func.now() + HOUR)
    parting = part(account, queued="cancel")
    assert (parting.held, parting.cancelled) == (0, 1)
    assert tenants.post(underway).state == "PROCESSING"
    assert tenants.post(later).state == "CANCELLED"
