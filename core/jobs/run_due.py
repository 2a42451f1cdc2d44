"""Run the due rows of one job type now, within a minute, and report how each of them ended.

For the stand-alone commands and the cron endpoint. Rows that remain due are left to the workers.
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
"""No batch begins later than this, so that even with the longest calls the run ends in a minute."""

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
    """Run batches until nothing is due, `count_remaining` returns 0, or `LAST_BATCH_START` is over.

    `on_result` is called once for each row that was run, after its batch was recorded.
    """
    started_at = time.monotonic()
    initial_count = count_remaining()
    while (remaining := count_remaining()) > 0:
        collector = CollectingJobType(job_type, batch_size=min(MAX_BATCH_SIZE, remaining))
        # A row with an expired lease comes on top of the batch: it must fit into what remains, and
        # after the first batch there is no time for it.
        is_first_batch = remaining == initial_count
        include_expired = is_first_batch and remaining > MAX_BATCH_SIZE
        report = run_jobs(collector, database, services, include_expired=include_expired)
        for row, result in collector.results.values():
            on_result(row, result)
        elapsed = time.monotonic() - started_at
        if not report.claimed or elapsed > LAST_BATCH_START.total_seconds():
            break


class CollectingJobType(JobType[Row, Job, Outcome]):
    """Does what another job type does, row by row, and collects how each row ended.

    Not for a `LightweightJobType`: how that one claims and releases rows is not taken over. A row
    may be recorded more than once: in its batch and then alone, or again after an outage of the
    database. `results` has the last result of each row, by row id.
    """

    def __init__(self, job_type: JobType[Row, Job, Outcome], *, batch_size: int) -> None:
        self.job_type = job_type
        self.batch_size = batch_size
        self.results: dict[int, tuple[Row, Outcome | Failure | Snooze]] = {}
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
        self.results[row.id] = (row, outcome)
        return recorded_outcome

    def on_retry(self, session: Session, row: Row, cause: Failure | Snooze) -> None:
        self.results.pop(row.id, None)  # the success of a record that was rolled back
        self.job_type.on_retry(session, row, cause)
        self.results[row.id] = (row, cause)

    def on_exhausted(self, session: Session, row: Row, failure: Failure) -> None:
        self.results.pop(row.id, None)
        self.job_type.on_exhausted(session, row, failure)
        self.results[row.id] = (row, failure)
