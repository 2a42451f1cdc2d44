"""Postgres stumbles, stops, comes back: what callers see, and what the engine still writes."""

import threading
import time

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from core.jobs import recorder
from core.jobs.runner import run_jobs
from db import migrations
from db.ops.heartbeats import Heartbeat
from db.session import Database, DatabaseUnavailable
from tests.db.jobs_chores import Chore, ChoreTables, FakeServices, chore_job


@pytest.fixture
def own_postgres(postgres_server):
    """One of this test's own, migrated: it will be killed."""
    started = postgres_server()
    migrations.upgrade_schema(started.url())
    return started


@pytest.fixture
def own_database(own_postgres):
    database = Database(own_postgres.url())
    yield database
    database.dispose()


@pytest.fixture
def own_chore_tables(own_postgres):
    tables = ChoreTables(own_postgres.url())
    tables.create_tables()
    yield tables
    tables.close()


def restart_server(server):
    server.kill()
    server.start()


def execute_all(database, *statements, then=lambda: None):
    """All in one transaction, with `then` after each."""
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement))
            then()


def test_a_server_that_stops_in_the_middle_is_away_and_the_pool_recovers(
    own_postgres, own_database
):
    own_database.ping()
    with pytest.raises(DatabaseUnavailable):
        execute_all(own_database, "SELECT 1", "SELECT 1", then=own_postgres.kill)
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        own_database.ping()
    assert time.monotonic() - began < 3
    own_postgres.start()
    own_database.ping()
    assert own_database.connections_in_use() == 0


def test_a_restarted_server_is_not_noticed_by_who_comes_next(own_postgres, own_database):
    own_database.ping()
    restart_server(own_postgres)
    own_database.ping()


def test_a_received_response_survives_a_database_restart(
    own_postgres, own_database, own_chore_tables
):
    (id_,) = own_chore_tables.insert_chores()
    kept = chore_job().record
    stumbles = iter([restart_server])

    def write(session, row, outcome):
        for stumble in stumbles:
            stumble(own_postgres)
        return kept(session, row, outcome)

    services = FakeServices()
    report = run_jobs(chore_job(record=write), own_database, services)
    assert (report.recorded, len(services.executed)) == (1, 1)
    assert own_chore_tables.effect_counts() == {id_: 1}


def test_after_a_long_outage_the_work_is_claimed_again(
    own_postgres, own_database, own_chore_tables, monkeypatch
):
    monkeypatch.setattr(recorder, "WRITE_RETRY_SECONDS", (0.01,))
    (id_,) = own_chore_tables.insert_chores()
    with pytest.raises(DatabaseUnavailable):
        run_jobs(chore_job(record=lambda *_: own_postgres.kill()), own_database, FakeServices())
    own_postgres.start()
    own_chore_tables.expire_leases(id_)
    assert run_jobs(chore_job(), own_database, FakeServices()).recorded == 1
    assert own_chore_tables.effect_counts() == {id_: 1}


def test_nothing_more_is_begun_when_there_is_nowhere_to_write(
    own_postgres, own_database, own_chore_tables, monkeypatch
):
    monkeypatch.setattr(recorder, "WRITE_RETRY_SECONDS", ())
    own_chore_tables.insert_chores(8, cost=500)
    services = FakeServices()
    with pytest.raises(DatabaseUnavailable):
        run_jobs(
            chore_job(pool_size=2, record=lambda *_: own_postgres.kill()), own_database, services
        )
    assert len(services.executed) < 8


def test_no_connection_to_spare_is_away_too(database_url):
    database = Database(database_url, pool_size=1)
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable):
            database.ping()
    database.dispose()


def test_a_statement_of_ours_that_takes_too_long_is_no_outage(database):
    with pytest.raises(OperationalError):
        execute_all(database, "SET LOCAL statement_timeout = 20", "SELECT pg_sleep(5)")


def test_a_refused_row_is_no_outage_and_quotes_no_value(database, chore_tables):
    canary = "canary-5c1"
    twice = insert(Heartbeat).values([{"name": canary, "at": chore_tables.database_now()}] * 2)
    with pytest.raises(IntegrityError) as refused, database.transaction() as session:
        session.execute(twice)
    assert "hide_parameters" in str(refused.value)
    assert canary not in str(refused.value.statement)


def test_an_error_leaves_nothing_behind(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    with pytest.raises(ProgrammingError):
        execute_all(
            database, f"UPDATE chores SET note = 'half' WHERE id = {id_}", "SELECT nonsense"
        )
    assert chore_tables.load_chore(id_).note is None


def test_a_record_undone_to_end_a_deadlock_is_written_again(database, chore_tables):
    mine, other = chore_tables.insert_chores(1)[0], chore_tables.insert_chores(1, cost=0)[0]
    chore_tables.update_chores(other, due_at=None)
    met = threading.Barrier(2)
    rival = threading.Thread(target=lock_in_opposite_order, args=(chore_tables, other, mine, met))
    kept = chore_job().record
    meetings = iter([met])

    def write(session, row, outcome):
        for meeting in meetings:
            meeting.wait(10)
        session.execute(text("UPDATE chores SET note = 'mine' WHERE id = :id"), {"id": other})
        return kept(session, row, outcome)

    rival.start()
    report = run_jobs(chore_job(record=write), database, FakeServices())
    rival.join()
    assert report.recorded == 1
    assert chore_tables.effect_counts() == {mine: 1}
    assert chore_tables.load_chore(mine).note == "rival"
    assert chore_tables.load_chore(other).note == "mine"


def lock_in_opposite_order(chore_tables, first, second, met):
    update = text("UPDATE chores SET note = 'rival' WHERE id = :id")
    with chore_tables.engine.connect().execution_options(
        isolation_level="READ COMMITTED"
    ) as connection:
        connection.execute(text("SET deadlock_timeout = '20s'"))  # the other one finds out first
        connection.execute(update, {"id": first})
        met.wait(10)
        connection.execute(update, {"id": second})
        connection.commit()


def test_batches_in_opposite_orders_wait_for_each_other_and_finish(database, chore_tables):
    ids = chore_tables.insert_chores(20)
    work = chore_job()
    with database.transaction() as session:
        work.queue.claim(session, limit=20, lease=work.lease)
    orders = (ids, ids[::-1])
    failures = []

    def hold(order):
        for _ in range(40):
            try:
                with database.transaction() as session:
                    held = work.queue.lock_leased(session, dict.fromkeys(order, 1))
                    assert len(held) == 20
                    session.execute(select(Chore.id))
            except (DatabaseUnavailable, AssertionError) as failed:
                failures.append(failed)

    threads = [threading.Thread(target=hold, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
