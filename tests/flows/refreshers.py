"""Real processes that all want the token of one account, and one that ignores leases.

Forked from a clean server process, so that they are there at once and may be killed like any.
"""

import logging
import multiprocessing
import os
import signal
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import func, select, update

from core.accounts.refresh import WORK
from core.accounts.tokens import fresh
from core.config.settings import Settings
from core.engine.work import run
from core.wiring import build_database, build_world
from db.accounts import Account
from db.due import Queue

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.flows.refreshers"])


class Unleased(Queue[Account]):
    """Hands out the account whoever has it already, and lets everybody record."""

    def claim(self, session, *, only, lapsed=False, **_):
        if lapsed:
            return []
        taken = update(Account).where(Account.id == only).returning(Account)
        counted = taken.values(attempts=Account.attempts + 1)
        return list(session.scalars(counted, execution_options={"populate_existing": True}))

    def held(self, session, tokens):
        found = select(Account).where(Account.id.in_(list(tokens))).with_for_update()
        return {row.id: row for row in session.scalars(found)}


def by_the_book(database, world, account_id):
    return fresh(database, world, account_id).open(world).reveal()


def without_lease(database, world, account_id):
    """Sees an ended token, renews it: what a check before the act is worth."""
    with database.transaction() as session:
        ended = select(Account.id).where(Account.id == account_id, Account.expires_at < func.now())
        if session.scalar(ended) is None:
            return "not needed"
    run(replace(WORK, queue=Unleased(Account)), database, world, only=account_id)
    return "tried"


WAYS = {"by the book": by_the_book, "without lease": without_lease}


def want(environ, way, account_id, gate, results):
    """Wait for the others, then get the token."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings = Settings.from_env(environ)
    database = build_database(settings, role="worker")
    world = build_world(settings, ring=lambda _kind: None)
    database.ping()
    gate.wait(60)
    try:
        results.put((os.getpid(), WAYS[way](database, world, account_id)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
        results.put((os.getpid(), repr(error)))


@dataclass
class Crowd:
    """So many processes at one gate."""

    environ: dict
    account_id: int
    size: int = 8

    def start(self, way="by the book"):
        self.gate, self.results = PROCESSES.Barrier(self.size), PROCESSES.SimpleQueue()
        args = (self.environ, way, self.account_id, self.gate, self.results)
        self.processes = [PROCESSES.Process(target=want, args=args) for _ in range(self.size)]
        for process in self.processes:
            process.start()
        return self

    def found(self):
        """What each of them got."""
        found = [self.results.get()[1] for _ in self.processes]
        for process in self.processes:
            process.join(30)
        return found

    def kill(self):
        for process in self.processes:
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
            process.join(30)
