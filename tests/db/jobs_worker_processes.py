"""Worker processes that share the queue of chores, and variants of it with a safeguard removed.

They are forked from a clean server process, so they start within milliseconds and can be killed.
"""

import logging
import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import func, select, update

from core.backoff import RetryPolicy, seconds
from core.jobs.runner import run_batch, run_jobs
from db.leases import JobQueue
from db.session import Database
from tests.db.jobs_chores import Chore, ChoreTables, chore_job

PROCESS_CONTEXT = multiprocessing.get_context("forkserver")
PROCESS_CONTEXT.set_forkserver_preload(["tests.db.jobs_worker_processes"])

KILL_WORKER_COST = -1
"""The cost of a chore that kills the worker that executes it."""

IDLE_SLEEP = 0.01  # seconds until a worker that found nothing due claims again


class QueueWithoutLeaseCheck(JobQueue[Chore]):
    """Lets every worker record, whatever token the row carries: the fence is removed."""

    def lock_leased(self, session, tokens):
        statement = select(Chore).where(Chore.id.in_(list(tokens))).order_by(Chore.id)
        return {row.id: row for row in session.scalars(statement.with_for_update())}


class QueueWithoutLeases(JobQueue[Chore]):
    """Claims due rows although other workers have leased them."""

    def claim(self, session, *, limit, lease, expired=False, row_id=None):
        if expired or row_id:
            return []
        due = select(Chore.id).where(Chore.due_at <= func.now())
        oldest = due.order_by(Chore.due_at).limit(limit)
        picked = oldest.with_for_update().cte("picked")
        statement = update(Chore).where(Chore.id == picked.c.id).returning(Chore)
        leased = statement.values(
            leased_until=func.clock_timestamp() + lease,
            lease_token=Chore.lease_token + 1,
            attempts=Chore.attempts + 1,
        )
        return list(session.scalars(leased, execution_options={"populate_existing": True}))


@dataclass(frozen=True)
class WorkerPool:
    """The workers of one test; `queue` and `retries_expired` remove a safeguard."""

    url: str
    queue: type[JobQueue] = JobQueue
    retries_expired: bool = True
    lease: timedelta = timedelta(seconds=30)
    batch: int = 8
    max_attempts: int = 60

    @property
    def job_type(self):
        return chore_job(
            queue=self.queue(Chore),
            lease=self.lease,
            batch_size=self.batch,
            retry_policy=RetryPolicy(seconds(*[0] * self.max_attempts)),
            execute=execute_chore,
        )

    def start_workers(self, count):
        workers = [
            PROCESS_CONTEXT.Process(target=run_worker, args=(self,), daemon=True)
            for _ in range(count)
        ]
        for worker in workers:
            worker.start()
        return workers

    def run_until_done(self, count):
        """Run so many workers at once until nothing is left to do."""
        for worker in self.start_workers(count):
            worker.join()

    def run_batch(self, database, services):
        if self.retries_expired:
            return run_jobs(self.job_type, database, services, time_budget=0.2)
        return run_batch(self.job_type, database, services, limit=self.batch)


@dataclass(frozen=True)
class WorkerServices:
    tables: ChoreTables

    def wake(self, _kind):
        """Do nothing: these workers claim all the time."""

    def jitter(self):
        return 0.0


def run_worker(pool):
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    database, tables = Database(pool.url, pool_size=2), ChoreTables(pool.url)
    while True:
        if pool.run_batch(database, WorkerServices(tables)).claimed:
            continue
        if not pool.retries_expired or not tables.count_open():
            return
        time.sleep(IDLE_SLEEP)


def execute_chore(job, services):
    """Take the time of the chore at the first attempt only, so that a second worker overtakes one
    whose lease has expired.
    """
    services.tables.insert_execution(job)
    if job.cost == KILL_WORKER_COST:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.attempt == 1:
        time.sleep(job.cost / 1000)
    return job
