"""Postgres stumbles, stops, comes back: what callers see, and what the engine still writes."""

import threading
import time

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from core.engine import record
from core.engine.work import run
from db import upgrades
from db.beats import Beat
from db.session import Database, StoreAway
from tests.db.chores import Chore, Sight, World, chores


@pytest.fixture
def server(postgres_server):
    """One of this test's own, migrated: it will be killed."""
    started = postgres_server()
    upgrades.up(started.url())
    return started


@pytest.fixture
def own_database(server):
    made = Database(server.url())
    yield made
    made.dispose()


@pytest.fixture
def own_sight(server):
    made = Sight(server.url())
    made.prepare()
    yield made
    made.close()


def restart(server):
    server.kill()
    server.start()


def asked(database, *statements, then=lambda: None):
    """All in one transaction, with `then` after each."""
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement))
            then()


def test_a_server_that_stops_in_the_middle_is_away_and_the_pool_recovers(server, own_database):
    own_database.ping()
    with pytest.raises(StoreAway):
        asked(own_database, "SELECT 1", "SELECT 1", then=server.kill)
    began = time.monotonic()
    with pytest.raises(StoreAway):
        own_database.ping()
    assert time.monotonic() - began < 3
    server.start()
    own_database.ping()
    assert own_database.in_use() == 0


def test_a_restarted_server_is_not_noticed_by_who_comes_next(server, own_database):
    own_database.ping()
    restart(server)
    own_database.ping()


def test_an_answer_in_hand_survives_a_restart(server, own_database, own_sight):
    (id_,) = own_sight.put()
    kept = chores().record
    stumbles = iter([restart])

    def write(session, row, outcome):
        for stumble in stumbles:
            stumble(server)
        return kept(session, row, outcome)

    world = World()
    report = run(chores(record=write), own_database, world)
    assert (report.recorded, len(world.performed)) == (1, 1)
    assert own_sight.effects() == {id_: 1}


def test_after_a_long_outage_the_work_is_claimed_again(
    server, own_database, own_sight, monkeypatch
):
    monkeypatch.setattr(record, "PAUSES", (0.01,))
    (id_,) = own_sight.put()
    with pytest.raises(StoreAway):
        run(chores(record=lambda *_: server.kill()), own_database, World())
    server.start()
    own_sight.lapse(id_)
    assert run(chores(), own_database, World()).recorded == 1
    assert own_sight.effects() == {id_: 1}


def test_nothing_more_is_begun_when_there_is_nowhere_to_write(
    server, own_database, own_sight, monkeypatch
):
    monkeypatch.setattr(record, "PAUSES", ())
    own_sight.put(8, cost=500)
    world = World()
    with pytest.raises(StoreAway):
        run(chores(pool=2, record=lambda *_: server.kill()), own_database, world)
    assert len(world.performed) < 8


def test_no_connection_to_spare_is_away_too(database_url):
    database = Database(database_url, pool_size=1)
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(StoreAway):
            database.ping()
    database.dispose()


def test_a_statement_of_ours_that_takes_too_long_is_no_outage(database):
    with pytest.raises(OperationalError):
        asked(database, "SET LOCAL statement_timeout = 20", "SELECT pg_sleep(5)")


def test_a_refused_row_is_no_outage_and_quotes_no_value(database, sight):
    canary = "canary-5c1"
    twice = insert(Beat).values([{"name": canary, "at": sight.now()}] * 2)
    with pytest.raises(IntegrityError) as refused, database.transaction() as session:
        session.execute(twice)
    assert "hide_parameters" in str(refused.value)
    assert canary not in str(refused.value.statement)


def test_an_error_leaves_nothing_behind(database, sight):
    (id_,) = sight.put()
    with pytest.raises(ProgrammingError):
        asked(database, f"UPDATE chores SET note = 'half' WHERE id = {id_}", "SELECT nonsense")
    assert sight.chore(id_).note is None


def test_a_record_undone_to_end_a_deadlock_is_written_again(database, sight):
    mine, other = sight.put(1)[0], sight.put(1, cost=0)[0]
    sight.set(other, due_at=None)
    met = threading.Barrier(2)
    rival = threading.Thread(target=locks_the_other_way, args=(sight, other, mine, met))
    kept = chores().record
    meetings = iter([met])

    def write(session, row, outcome):
        for meeting in meetings:
            meeting.wait(10)
        session.execute(text("UPDATE chores SET note = 'mine' WHERE id = :id"), {"id": other})
        return kept(session, row, outcome)

    rival.start()
    report = run(chores(record=write), database, World())
    rival.join()
    assert report.recorded == 1
    assert sight.effects() == {mine: 1}
    assert sight.chore(mine).note == "rival"
    assert sight.chore(other).note == "mine"


def locks_the_other_way(sight, first, second, met):
    update = text("UPDATE chores SET note = 'rival' WHERE id = :id")
    with sight.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        connection.execute(text("SET deadlock_timeout = '20s'"))  # the other one finds out first
        connection.execute(update, {"id": first})
        met.wait(10)
        connection.execute(update, {"id": second})
        connection.commit()


def test_batches_in_opposite_orders_wait_for_each_other_and_finish(database, sight):
    ids = sight.put(20)
    work = chores()
    with database.transaction() as session:
        work.queue.claim(session, limit=20, lease=work.lease)
    orders = (ids, ids[::-1])
    failures = []

    def hold(order):
        for _ in range(40):
            try:
                with database.transaction() as session:
                    held = work.queue.held(session, dict.fromkeys(order, 1))
                    assert len(held) == 20
                    session.execute(select(Chore.id))
            except (StoreAway, AssertionError) as failed:
                failures.append(failed)

    threads = [threading.Thread(target=hold, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
