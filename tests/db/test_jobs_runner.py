"""A run: what it claims, which wake-ups it sends, and that no transaction is open in a call."""

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.jobs import executor
from core.jobs.runner import run_jobs
from core.outcomes import DONE, Park
from db.ops.attempts import Attempts
from platforms.errors import Unavailable
from tests.db.jobs_chores import CHORE_JOB_TYPE, FakeServices, chore_job, executor_raising
from tests.flows.brokers import wait_until

MINUTE = timedelta(minutes=1)


def load_attempts(database, id_):
    with database.transaction() as session:
        return [
            (attempt.number, attempt.outcome, attempt.code)
            for attempt in Attempts(session).list_for_row("chores", id_)
        ]


def test_what_is_due_is_executed_and_recorded_once(database, chore_tables):
    ids = chore_tables.insert_chores(5)
    report = run_jobs(chore_job(), database, FakeServices())
    assert (report.claimed, report.recorded, report.failed) == (5, 5, 0)
    assert chore_tables.effect_counts() == dict.fromkeys(ids, 1)
    assert run_jobs(chore_job(), database, FakeServices()).claimed == 0


def test_every_attempt_leaves_a_row_in_the_attempt_log(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    run_jobs(
        chore_job(execute=executor_raising(Unavailable("no answer"))),
        database,
        FakeServices(jitter=lambda: 0),
    )
    run_jobs(chore_job(), database, FakeServices())
    assert load_attempts(database, id_) == [(1, "retry", "platform_unavailable"), (2, "done", None)]


def test_rows_that_are_not_due_are_left_alone(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    chore_tables.update_chores(id_, due_at=chore_tables.database_now() + MINUTE)
    assert run_jobs(chore_job(), database, FakeServices()).claimed == 0


def test_a_full_claim_wakes_other_workers_and_a_short_one_does_not(database, chore_tables):
    wakes = []
    chore_tables.insert_chores(9)
    run_jobs(chore_job(batch_size=8), database, FakeServices(wake=wakes.append))
    assert wakes == ["chores"]
    run_jobs(chore_job(batch_size=8), database, FakeServices(wake=wakes.append))
    assert wakes == ["chores"]


def test_within_a_time_budget_the_slowest_call_delays_no_other_row(database, chore_tables):
    slow, *quick = chore_tables.insert_chores(12)

    def execute(job, services):
        if job.id == slow:
            wait_until(
                lambda: set(chore_tables.effect_counts()) == set(quick),
                what="the effects of all others",
            )
        return CHORE_JOB_TYPE.execute(job, services)

    job_type = chore_job(execute=execute, batch_size=4, pool_size=2)
    assert run_jobs(job_type, database, FakeServices(), time_budget=60.0).recorded == 12
    assert chore_tables.effect_counts() == dict.fromkeys([slow, *quick], 1)


def test_a_spent_time_budget_with_work_left_wakes_another_worker(
    database, chore_tables, monkeypatch
):
    clock, wakes = SimpleNamespace(now=0.0), []
    monkeypatch.setattr(executor, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def execute(job, services):
        clock.now = 61.0 if len(services.executed) >= 8 else 0.0
        return CHORE_JOB_TYPE.execute(job, services)

    chore_tables.insert_chores(40)
    services = FakeServices(wake=wakes.append)
    claimed = run_jobs(
        chore_job(execute=execute, batch_size=4, pool_size=2), database, services, time_budget=60.0
    ).claimed
    assert 4 < claimed < 40
    assert wakes == ["chores"] * 2


def test_a_process_that_is_to_stop_records_its_batch_and_claims_no_more(database, chore_tables):
    services = FakeServices()
    chore_tables.expire_leases(*start_and_die(database, chore_tables))
    chore_tables.insert_chores(40)
    job_type = chore_job(batch_size=4, pool_size=2)
    report = run_jobs(
        job_type, database, services, time_budget=60.0, is_stopping=lambda: bool(services.executed)
    )
    assert (report.claimed, report.recorded) == (4, 4)
    assert run_jobs(job_type, database, services, time_budget=60.0).recorded == 37


def start_and_die(database, chore_tables):
    """Insert a row, and have a run die with it. Return the row's id in a list."""
    ids = chore_tables.insert_chores()
    with pytest.raises(SystemExit):
        run_jobs(chore_job(execute=executor_raising(SystemExit())), database, FakeServices())
    return ids


def test_one_row_can_be_run_by_its_id(database, chore_tables):
    _, wanted, _ = chore_tables.insert_chores(3)
    assert run_jobs(chore_job(), database, FakeServices(), row_id=wanted).claimed == 1
    assert chore_tables.effect_counts() == {wanted: 1}


def test_an_attempt_counts_from_the_claim_even_if_its_worker_dies(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    with pytest.raises(SystemExit):
        run_jobs(chore_job(execute=executor_raising(SystemExit())), database, FakeServices())
    row = chore_tables.load_chore(id_)
    assert (row.attempts, row.leased_until is not None) == (1, True)
    assert load_attempts(database, id_) == [(1, None, None)]


def test_a_row_with_an_expired_lease_is_claimed_alone(database, chore_tables):
    expired = chore_tables.insert_chores(3)
    job_type = chore_job(execute=executor_raising(SystemExit()), pool_size=1)
    with pytest.raises(SystemExit):
        run_jobs(job_type, database, FakeServices())
    chore_tables.expire_leases(*expired)
    chore_tables.insert_chores(2)
    report = run_jobs(chore_job(), database, FakeServices())
    assert report.recorded == 3
    assert chore_tables.count_open() == 2


def test_no_transaction_is_open_during_a_platform_call(database, chore_tables):
    chore_tables.insert_chores(4)
    open_connections = []

    def execute(job, services):
        open_connections.append(database.connections_in_use())
        return CHORE_JOB_TYPE.execute(job, services)

    run_jobs(chore_job(execute=execute, pool_size=1), database, FakeServices())
    assert open_connections == [0, 0, 0, 0]


@pytest.mark.parametrize("pool", [1, 4])
def test_a_parked_row_does_not_wait_for_other_calls(database, chore_tables, pool):
    *busy, parked = chore_tables.insert_chores(4)
    executed = []

    def prepare(_session, row):
        if row.id == parked:
            raise Park("needs_reconnect")
        return row.id

    def execute(id_, _services):
        while chore_tables.load_chore(parked).leased_until is not None:
            time.sleep(0.005)
        executed.append(id_)
        return id_

    run_jobs(
        chore_job(prepare=prepare, execute=execute, record=lambda *_: DONE, pool_size=pool),
        database,
        FakeServices(),
    )
    assert sorted(executed) == busy


def test_a_finished_call_is_recorded_while_others_still_run(database, chore_tables):
    *quick, slow = chore_tables.insert_chores(4)
    executed_last = []

    def execute(job, services):
        if job.id == slow:
            wait_until(
                lambda: all(chore_tables.load_chore(id_).leased_until is None for id_ in quick)
            )
            executed_last.append(job.id)
        return CHORE_JOB_TYPE.execute(job, services)

    run_jobs(chore_job(execute=execute, pool_size=4), database, FakeServices())
    assert executed_last == [slow]


def test_results_that_came_while_others_were_recorded_are_recorded_together(database, chore_tables):
    chore_tables.insert_chores(5)
    services, batch_sizes = FakeServices(), []

    def record_many(session, batch):
        wait_until(lambda: len(services.executed) == 5, what="all results")
        batch_sizes.append(len(batch))
        return [CHORE_JOB_TYPE.record(session, row, outcome) for row, outcome in batch]

    assert (
        run_jobs(chore_job(record_many=record_many, pool_size=5), database, services).recorded == 5
    )
    assert len(batch_sizes) < sum(batch_sizes) == 5


def test_preload_reads_once_for_the_whole_batch(database, chore_tables):
    ids, preloaded = chore_tables.insert_chores(3), []

    def preload(_session, rows):
        preloaded.append([row.id for row in rows])

    assert run_jobs(chore_job(preload=preload), database, FakeServices()).recorded == 3
    assert preloaded[0] == ids
