"""What is due of one kind, right now, for somebody who waits to hear how it went.

The workers do the same without being asked; what a sweep leaves over is theirs.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from core.bootstrap import Services
from core.jobs.job_type import Job, JobType, Outcome
from core.jobs.runner import run_jobs
from core.outcomes import Failure, Reschedule, Snooze
from db.leases import Row
from db.session import Database, Session

LAST_BATCH_START = timedelta(seconds=30)
"""No batch begins later: with its longest calls a sweep still ends within a minute."""

BATCH_SIZE = 8


def run_due_rows(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    *,
    count_remaining: Callable[[], int],
    on_result: Callable[[Row, Outcome | Failure | Snooze], None],
) -> None:
    """As many rows as are `left` to do, and `LAST_CALL` plus one batch of time. Each is `told` of
    as it ends.
    """
    observed, initial_count, started_at = (
        with_result_callback(job_type, on_result),
        count_remaining(),
        time.monotonic(),
    )
    while (remaining := count_remaining()) > 0:
        limited = replace(observed, batch_size=min(BATCH_SIZE, remaining))
        include_expired = (
            remaining == initial_count and remaining > BATCH_SIZE
        )  # lapsed rows: late, there is no time for them
        claimed_count = run_jobs(
            limited, database, services, include_expired=include_expired
        ).claimed
        if not claimed_count or time.monotonic() - started_at > LAST_BATCH_START.total_seconds():
            break


def with_result_callback(
    job_type: JobType[Row, Job, Outcome],
    on_result: Callable[[Row, Outcome | Failure | Snooze], None],
) -> JobType[Row, Job, Outcome]:
    """The usual work, with an eye on how each of its rows ended."""

    def record(session: Session, row: Row, outcome: Outcome) -> Reschedule | Failure:
        recorded_outcome = job_type.record(session, row, outcome)
        on_result(row, outcome)
        return recorded_outcome

    def on_retry(session: Session, row: Row, reason: Failure | Snooze) -> None:
        job_type.on_retry(session, row, reason)
        on_result(row, reason)

    def on_exhausted(session: Session, row: Row, failure: Failure) -> None:
        job_type.on_exhausted(session, row, failure)
        on_result(row, failure)

    return replace(
        job_type, record=record, record_many=None, on_retry=on_retry, on_exhausted=on_exhausted
    )
