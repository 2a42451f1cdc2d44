"""Real processes that share one queue, and what may be wrong with them.

Forked from a clean server process: a worker is there in milliseconds, and may be killed like any.
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
"""The cost of a chore that takes its worker's life."""

IDLE_SLEEP = 0.01  # seconds between two looks of a worker that found nothing


class QueueWithoutLeaseCheck(JobQueue[Chore]):
    """Lets everybody record whatever they like."""

    def lock_leased(self, session, tokens):
        statement = select(Chore).where(Chore.id.in_(list(tokens))).order_by(Chore.id)
        return {row.id: row for row in session.scalars(statement.with_for_update())}


class QueueWithoutLeases(JobQueue[Chore]):
    """Hands out what is due, whoever has it already."""

    def claim(self, session, *, limit, lease, expired=False, row_id=None, lightweight=False):
        if expired or row_id or lightweight:
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
    """How the workers of one test work; `queue` and `sweeps` are where something can be wrong."""

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
            policy=RetryPolicy(seconds(*[0] * self.max_attempts)),
            execute=execute_outside,
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
        """So many at once, until they see nothing left to do."""
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
        """Nobody listens: these workers never rest."""

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


def execute_outside(job, services):
    """Costs its time at the first try only, so that whoever outlived a lease can be overtaken."""
    services.tables.insert_execution(job)
    if job.cost == KILL_WORKER_COST:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.attempt == 1:
        time.sleep(job.cost / 1000)
    return job
