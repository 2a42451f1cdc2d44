"""Postgres restarts, stops and comes back: what callers see, and what job code still records."""

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
    """A migrated Postgres server for this test alone, which will be killed."""
    server = postgres_server()
    migrations.upgrade_schema(server.url())
    return server


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
    """Execute all in one transaction, and call `then` after each."""
    with database.transaction() as session:
        for statement in statements:
            session.execute(text(statement))
            then()


def test_a_server_killed_in_a_transaction_is_unavailable_and_the_pool_recovers(
    own_postgres, own_database
):
    own_database.ping()
    with pytest.raises(DatabaseUnavailable):
        execute_all(own_database, "SELECT 1", "SELECT 1", then=own_postgres.kill)
    started_at = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        own_database.ping()
    assert time.monotonic() - started_at < 3
    own_postgres.start()
    own_database.ping()
    assert own_database.connections_in_use() == 0


def test_the_next_transaction_after_a_restart_succeeds(own_postgres, own_database):
    own_database.ping()
    restart_server(own_postgres)
    own_database.ping()


def test_a_received_response_survives_a_database_restart(
    own_postgres, own_database, own_chore_tables
):
    (id_,) = own_chore_tables.insert_chores()
    record = chore_job().record
    restarts_left = [own_postgres]

    def record_once_disturbed(session, row, outcome):
        if restarts_left:
            restart_server(restarts_left.pop())
        return record(session, row, outcome)

    services = FakeServices()
    report = run_jobs(chore_job(record=record_once_disturbed), own_database, services)
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


def test_no_further_job_begins_while_results_cannot_be_recorded(
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


def test_an_exhausted_pool_counts_as_unavailable(database_url):
    database = Database(database_url, pool_size=1)
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable):
            database.ping()
    database.dispose()


def test_a_statement_timeout_is_no_outage(database):
    with pytest.raises(OperationalError):
        execute_all(database, "SET LOCAL statement_timeout = 20", "SELECT pg_sleep(5)")


def test_an_integrity_error_is_no_outage_and_contains_no_value(database, chore_tables):
    canary = "canary-5c1"
    duplicate_insert = insert(Heartbeat).values(
        [{"name": canary, "at": chore_tables.database_now()}] * 2
    )
    with pytest.raises(IntegrityError) as refused, database.transaction() as session:
        session.execute(duplicate_insert)
    assert "hide_parameters" in str(refused.value)
    assert canary not in str(refused.value.statement)


def test_an_error_rolls_the_transaction_back(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    with pytest.raises(ProgrammingError):
        execute_all(
            database, f"UPDATE chores SET note = 'half' WHERE id = {id_}", "SELECT nonsense"
        )
    assert chore_tables.load_chore(id_).note is None


def test_a_record_rolled_back_by_a_deadlock_is_written_again(database, chore_tables):
    (mine,) = chore_tables.insert_chores()
    (other,) = chore_tables.insert_chores()
    chore_tables.update_chores(other, due_at=None)
    barrier = threading.Barrier(2)
    rival = threading.Thread(
        target=lock_in_opposite_order, args=(chore_tables, other, mine, barrier)
    )
    record = chore_job().record
    barriers_left = [barrier]

    def record_once_disturbed(session, row, outcome):
        if barriers_left:
            barriers_left.pop().wait(10)
        session.execute(text("UPDATE chores SET note = 'mine' WHERE id = :id"), {"id": other})
        return record(session, row, outcome)

    rival.start()
    report = run_jobs(chore_job(record=record_once_disturbed), database, FakeServices())
    rival.join()
    assert report.recorded == 1
    assert chore_tables.effect_counts() == {mine: 1}
    assert chore_tables.load_chore(mine).note == "rival"
    assert chore_tables.load_chore(other).note == "mine"


def lock_in_opposite_order(chore_tables, first, second, barrier):
    update = text("UPDATE chores SET note = 'rival' WHERE id = :id")
    with chore_tables.engine.connect().execution_options(
        isolation_level="READ COMMITTED"
    ) as connection:
        connection.execute(
            text("SET deadlock_timeout = '20s'")
        )  # the other side detects the deadlock first
        connection.execute(update, {"id": first})
        barrier.wait(10)
        connection.execute(update, {"id": second})
        connection.commit()


def test_batches_in_opposite_orders_wait_for_each_other_and_finish(database, chore_tables):
    ids = chore_tables.insert_chores(20)
    job_type = chore_job()
    with database.transaction() as session:
        job_type.queue.claim(session, limit=20, lease=job_type.lease)
    orders = (ids, ids[::-1])
    failures = []

    def lock_rows(order):
        for _ in range(40):
            try:
                with database.transaction() as session:
                    locked = job_type.queue.lock_leased(session, dict.fromkeys(order, 1))
                    assert len(locked) == 20
                    session.execute(select(Chore.id))
            except (DatabaseUnavailable, AssertionError) as error:
                failures.append(error)

    threads = [threading.Thread(target=lock_rows, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
