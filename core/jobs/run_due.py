"""Run the due rows of one job type now, within a minute, and report how each of them ended.

For the stand-alone commands and the cron endpoint; rows that are left over are the workers'.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from core.bootstrap import Services
from core.jobs.job_type import Job, JobType, Outcome
from core.jobs.runner import run_jobs
from core.outcomes import Failure, Reschedule, Snooze
from db.leases import Row
from db.session import Database, Session

LAST_BATCH_START = timedelta(seconds=30)
"""No batch begins later than this: with its longest calls the run still ends within a minute."""

MAX_BATCH_SIZE = 8

ReportRow = Callable[[Row, Outcome | Failure | Snooze], None]


def run_due_rows(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    *,
    count_remaining: Callable[[], int],
    on_result: ReportRow[Row, Outcome],
) -> None:
    """Run batches until nothing is due, `count_remaining` gives 0, or `LAST_BATCH_START` is over.

    `on_result` is called with each row as it ends.
    """
    started_at = time.monotonic()
    initial_count = count_remaining()
    while (remaining := count_remaining()) > 0:
        batch = ReportingJobType(job_type, on_result, batch_size=min(MAX_BATCH_SIZE, remaining))
        # A row with an expired lease comes on top of the batch: it must fit into what remains, and
        # after the first batch there is no time for it.
        is_first_batch = remaining == initial_count
        include_expired = is_first_batch and remaining > MAX_BATCH_SIZE
        report = run_jobs(batch, database, services, include_expired=include_expired)
        elapsed = time.monotonic() - started_at
        if not report.claimed or elapsed > LAST_BATCH_START.total_seconds():
            break


class ReportingJobType(JobType[Row, Job, Outcome]):
    """Does what another job type does, and reports how each row ended."""

    def __init__(
        self,
        job_type: JobType[Row, Job, Outcome],
        on_result: ReportRow[Row, Outcome],
        *,
        batch_size: int,
    ) -> None:
        self.job_type = job_type
        self.on_result = on_result
        self.batch_size = batch_size
        self.kind = job_type.kind
        self.queue = job_type.queue
        self.retry_policy = job_type.retry_policy
        self.lease = job_type.lease
        self.pool_size = job_type.pool_size
        self.log_attempts = job_type.log_attempts

    def preload(self, session: Session, rows: Sequence[Row]) -> object:
        return self.job_type.preload(session, rows)

    def prepare(self, session: Session, row: Row) -> Job:
        return self.job_type.prepare(session, row)

    def execute(self, job: Job, services: Services) -> Outcome:
        return self.job_type.execute(job, services)

    def record(self, session: Session, row: Row, outcome: Outcome) -> Reschedule | Failure:
        recorded_outcome = self.job_type.record(session, row, outcome)
        self.on_result(row, outcome)
        return recorded_outcome

    def on_retry(self, session: Session, row: Row, cause: Failure | Snooze) -> None:
        self.job_type.on_retry(session, row, cause)
        self.on_result(row, cause)

    def on_exhausted(self, session: Session, row: Row, failure: Failure) -> None:
        self.job_type.on_exhausted(session, row, failure)
        self.on_result(row, failure)
