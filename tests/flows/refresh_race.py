"""Processes that all need the token of one account, and a strategy that ignores leases.

They are forked from a clean fork server, so that they start at once and can be killed.
"""

import logging
import multiprocessing
import os
import signal
from dataclasses import dataclass

import structlog
from sqlalchemy import func, select, update

from core.accounts.refresh import REFRESH_JOB_TYPE
from core.accounts.tokens import get_or_refresh_token
from core.bootstrap import build_database, build_services
from core.config.settings import Settings
from core.jobs.runner import run_jobs
from db.accounts.accounts import Account
from db.leases import JobQueue
from tests.support.job_types import with_changes

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.flows.refresh_race"])


class UnleasedAccountQueue(JobQueue[Account]):
    """Negative control: claims the row although it is leased, and records without the fence."""

    def claim(self, session, *, row_id, expired=False, **_):
        if expired:
            return []
        statement = update(Account).where(Account.id == row_id).returning(Account)
        claim = statement.values(attempts=Account.attempts + 1)
        return list(session.scalars(claim, execution_options={"populate_existing": True}))

    def lock_leased(self, session, tokens):
        statement = select(Account).where(Account.id.in_(list(tokens))).with_for_update()
        return {row.id: row for row in session.scalars(statement)}


def get_token(database, services, account_id):
    return get_or_refresh_token(database, services, account_id).decrypt(services).reveal()


def refresh_without_lease(database, services, account_id):
    """Check that the token has expired and refresh it: a check without a lock proves nothing."""
    with database.transaction() as session:
        statement = select(Account.id).where(
            Account.id == account_id, Account.expires_at < func.now()
        )
        if session.scalar(statement) is None:
            return "not needed"
    run_jobs(
        with_changes(REFRESH_JOB_TYPE, queue=UnleasedAccountQueue(Account)),
        database,
        services,
        row_id=account_id,
    )
    return "tried"


STRATEGIES = {"leased": get_token, "unleased": refresh_without_lease}


def run_process(environ, strategy, account_id, barrier, results):
    """Wait for the others, then get the token."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    settings = Settings.from_env(environ)
    database = build_database(settings, role="worker")
    services = build_services(settings, wake=lambda _kind: None)
    database.ping()
    barrier.wait(60)
    try:
        results.put((os.getpid(), STRATEGIES[strategy](database, services, account_id)))
    except Exception as error:  # noqa: BLE001 - any error is the result of this process
        results.put((os.getpid(), repr(error)))


@dataclass
class RefreshRace:
    """A number of processes that start the same call at the same moment."""

    environ: dict
    account_id: int
    size: int = 8

    def start(self, strategy="leased"):
        self.barrier, self.results = FORKSERVER.Barrier(self.size), FORKSERVER.SimpleQueue()
        args = (self.environ, strategy, self.account_id, self.barrier, self.results)
        self.processes = [
            FORKSERVER.Process(target=run_process, args=args) for _ in range(self.size)
        ]
        for process in self.processes:
            process.start()
        return self

    def collect_results(self):
        """Return the result of each process: a token or an error."""
        results = [self.results.get()[1] for _ in self.processes]
        for process in self.processes:
            process.join(30)
        return results

    def kill(self):
        for process in self.processes:
            if process.is_alive():
                os.kill(process.pid, signal.SIGKILL)
            process.join(30)
