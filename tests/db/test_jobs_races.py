"""Many processes share a queue: whichever are killed or overtaken, each effect exists once.

Each guarantee has a negative control: without the safeguard the same test finds the fault.
"""

import time
from datetime import timedelta

from core.jobs.job_type import RunReport
from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch
from tests.db.jobs_chores import Chore, FakeServices, chore_job
from tests.db.jobs_worker_processes import (
    KILL_WORKER_COST,
    QueueWithoutLeaseCheck,
    QueueWithoutLeases,
    WorkerPool,
)

SHORT_LEASE = timedelta(milliseconds=400)
KILL_COUNT = 22


def repeated_ids(times):
    return {id_: count for id_, count in times.items() if count > 1}


def missing_ids(ids, times):
    return set(ids) - set(times)


def test_six_processes_do_a_thousand_rows_once_each(database_url, chore_tables):
    ids = chore_tables.insert_chores(1000)
    WorkerPool(database_url).run_until_done(6)
    assert repeated_ids(chore_tables.execution_counts()) == {}
    assert chore_tables.effect_counts() == dict.fromkeys(ids, 1)


def test_control_without_leases_the_platform_is_called_twice(database_url, chore_tables):
    chore_tables.insert_chores(60, cost=20)
    WorkerPool(database_url, queue=QueueWithoutLeases, max_attempts=4).run_until_done(6)
    assert repeated_ids(chore_tables.execution_counts())
    assert not repeated_ids(chore_tables.effect_counts()), (
        "the fence must still keep records unique"
    )


def test_workers_killed_again_and_again_leave_each_effect_once(database_url, chore_tables):
    ids = chore_tables.insert_chores(400, cost=5)
    worker_pool = WorkerPool(database_url, lease=timedelta(seconds=1))
    kill_repeatedly(worker_pool, chore_tables)
    worker_pool.run_until_done(4)
    assert chore_tables.count_open() == 0
    assert chore_tables.effect_counts() == dict.fromkeys(ids, 1)
    assert chore_tables.count_lost_attempts() >= KILL_COUNT, (
        "every kill should have interrupted an attempt"
    )


def test_control_without_retrying_expired_leases_a_dead_workers_rows_are_left(
    database_url, chore_tables
):
    ids = chore_tables.insert_chores(16)
    chore_tables.update_chores(ids[3], cost=KILL_WORKER_COST)
    worker_pool = WorkerPool(database_url, retries_expired=False, lease=timedelta(milliseconds=1))
    worker_pool.run_until_done(1)
    worker_pool.run_until_done(2)
    assert missing_ids(ids, chore_tables.effect_counts())


def test_an_expired_lease_may_not_record(database_url, chore_tables):
    ids = chore_tables.insert_chores(60)
    chore_tables.update_chores(*ids[::3], cost=1500)
    WorkerPool(database_url, lease=SHORT_LEASE).run_until_done(6)
    assert repeated_ids(chore_tables.execution_counts()), (
        "no worker was overtaken: this proves nothing"
    )
    assert chore_tables.effect_counts() == dict.fromkeys(ids, 1)


def test_control_without_the_lease_check_stale_workers_record_as_well(database_url, chore_tables):
    ids = chore_tables.insert_chores(60)
    chore_tables.update_chores(*ids[::3], cost=1500)
    WorkerPool(database_url, queue=QueueWithoutLeaseCheck, lease=SHORT_LEASE).run_until_done(6)
    assert repeated_ids(chore_tables.effect_counts())


def test_a_row_that_kills_its_workers_fails_alone(database_url, chore_tables):
    ids = chore_tables.insert_chores(8)
    chore_tables.update_chores(ids[4], cost=KILL_WORKER_COST)
    worker_pool = WorkerPool(database_url, lease=timedelta(milliseconds=300), max_attempts=2)
    while chore_tables.count_open():
        worker_pool.run_until_done(1)
    assert chore_tables.effect_counts() == dict.fromkeys(set(ids) - {ids[4]}, 1)
    assert chore_tables.execution_counts()[ids[4]] == 3
    assert chore_tables.load_chore(ids[4]).note == "gave up: out_of_attempts"
    neighbours = [chore_tables.count_attempts(id_) for id_ in ids if id_ != ids[4]]
    assert max(neighbours) <= 2


def test_a_result_is_recorded_once_even_if_it_is_written_twice(database, chore_tables):
    ids = chore_tables.insert_chores(3)
    job_type = chore_job()
    claims = claim_batch(job_type, database, limit=3, expired=False, row_id=None)
    report = RunReport()
    for _ in range(2):
        results = [(claim, claim.job) for claim in claims]
        report.add(record_results(job_type, database, FakeServices(), results))
    assert (report.recorded, report.stale_leases) == (3, 3)
    assert chore_tables.count_lost_attempts() == 0
    assert chore_tables.effect_counts() == dict.fromkeys(ids, 1)


def test_of_two_claims_of_a_row_in_one_batch_only_the_later_is_recorded(database, chore_tables):
    """As when a lease ends while its worker waits: the same worker claims the row again."""
    ids = chore_tables.insert_chores(3)
    job_type = chore_job(queue=QueueWithoutLeases(Chore))
    claims = [
        claim
        for _ in range(2)
        for claim in claim_batch(job_type, database, limit=3, expired=False, row_id=None)
    ]
    report = record_results(
        job_type, database, FakeServices(), [(claim, claim.job) for claim in claims]
    )
    assert (len(claims), report.recorded, report.stale_leases) == (6, 3, 3)
    assert chore_tables.effect_counts() == dict.fromkeys(ids, 1)


def kill_repeatedly(worker_pool, chore_tables):
    """Kill the worker that has just started an execution and start another, again and again."""
    workers, last_number = worker_pool.start_workers(4), 0
    for _ in range(KILL_COUNT):
        victim, last_number = find_busy_worker(workers, chore_tables, last_number)
        victim.kill()
        victim.join()
        workers.remove(victim)
        workers += worker_pool.start_workers(1)
    for worker in workers:
        worker.kill()
        worker.join()


def find_busy_worker(workers, chore_tables, last_number):
    """Wait for an execution that begins after `last_number`; return its worker and its number."""
    workers_by_pid = {worker.pid: worker for worker in workers}
    while True:
        for number, pid in chore_tables.latest_executions(last_number + 5):
            worker = workers_by_pid.get(pid)
            if worker is not None:
                return worker, number
        time.sleep(0.002)
