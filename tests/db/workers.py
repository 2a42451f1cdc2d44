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

from core.backoff import Policy, seconds
from core.engine.work import run, shift
from db.due import Queue
from db.session import Database
from tests.db.chores import Chore, Sight, chores

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.db.workers"])

KILLER = -1
"""The cost of a chore that takes its worker's life."""

IDLE = 0.01  # seconds between two looks of a worker that found nothing


class Unfenced(Queue[Chore]):
    """Lets everybody record whatever they like."""

    def held(self, session, tokens):
        found = select(Chore).where(Chore.id.in_(list(tokens))).order_by(Chore.id)
        return {row.id: row for row in session.scalars(found.with_for_update())}


class Unleased(Queue[Chore]):
    """Hands out what is due, whoever has it already."""

    def claim(self, session, *, limit, lease, lapsed=False, only=None, plain=False):
        if lapsed or only or plain:
            return []
        due = select(Chore.id).where(Chore.due_at <= func.now())
        oldest = due.order_by(Chore.due_at).limit(limit)
        picked = oldest.with_for_update().cte("picked")
        taken = update(Chore).where(Chore.id == picked.c.id).returning(Chore)
        leased = taken.values(
            leased_until=func.clock_timestamp() + lease,
            lease_token=Chore.lease_token + 1,
            attempts=Chore.attempts + 1,
        )
        return list(session.scalars(leased, execution_options={"populate_existing": True}))


@dataclass(frozen=True)
class Crew:
    """How the workers of one test work; `queue` and `sweeps` are where something can be wrong."""

    url: str
    queue: type[Queue] = Queue
    sweeps: bool = True
    lease: timedelta = timedelta(seconds=30)
    batch: int = 8
    patience: int = 60

    @property
    def work(self):
        return chores(
            queue=self.queue(Chore),
            lease=self.lease,
            batch=self.batch,
            policy=Policy(seconds(*[0] * self.patience)),
            perform=outside,
        )

    def hire(self, count):
        hired = [PROCESSES.Process(target=labour, args=(self,), daemon=True) for _ in range(count)]
        for worker in hired:
            worker.start()
        return hired

    def finish(self, count):
        """So many at once, until they see nothing left to do."""
        for worker in self.hire(count):
            worker.join()

    def once(self, database, world):
        if self.sweeps:
            return run(self.work, database, world, stint=0.2)
        return shift(self.work, database, world, limit=self.batch)


@dataclass(frozen=True)
class Outside:
    book: Sight

    def ring(self, _kind):
        """Nobody listens: these workers never rest."""

    def dice(self):
        return 0.0


def labour(crew):
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    database, book = Database(crew.url, pool_size=2), Sight(crew.url)
    while True:
        if crew.once(database, Outside(book)).claimed:
            continue
        if not crew.sweeps or not book.open():
            return
        time.sleep(IDLE)


def outside(job, world):
    """Costs its time at the first try only, so that whoever outlived a lease can be overtaken."""
    world.book.perform(job)
    if job.cost == KILLER:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.attempt == 1:
        time.sleep(job.cost / 1000)
    return job
