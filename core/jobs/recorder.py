"""The second half of the engine: results become rows, fenced. Must not speak to the outside."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.backoff import next_retry_delay
from core.bootstrap import Services
from core.jobs.job_type import Claim, Job, JobType, Outcome, RunReport
from core.outcomes import (
    STALE_LEASE,
    Failure,
    Reschedule,
    Snooze,
    attempt_fields,
    failure_from_error,
)
from db.bulk import write_changes
from db.leases import Row, release_lease
from db.ops.attempts import Attempts
from db.session import Database, DatabaseUnavailable, Session, database_now, is_unavailable

WRITE_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds before writing again; with the connects that fail, far below any lease."""

HOOK_FAILURE_DELAY = timedelta(hours=1)
"""When a row comes back whose own end could not be written down."""

log = structlog.get_logger(__name__)


def record_results(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    results: Iterable[tuple[Claim[Job], Outcome | Failure | Snooze]],
    report: RunReport,
) -> None:
    """Effect and state in one transaction, for those rows that still carry our token.

    An answer in hand is not thrown away because Postgres stumbled: it is written again, and the
    fence keeps a writing that did arrive from being repeated. Errors: StoreAway.
    """
    results = list(results)
    for pause in (*WRITE_RETRY_SECONDS, None):
        try:
            report.add(record_in_transaction(job_type, database, services, results))
        except DatabaseUnavailable as error:
            log.warning(
                "job.results_not_written", kind=job_type.kind, rows=len(results), error=str(error)
            )
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def record_in_transaction(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    results: list[tuple[Claim[Job], Outcome | Failure | Snooze]],
) -> RunReport:
    report = RunReport()
    if not results:
        return report
    lock_rows = (
        job_type.queue.lock_leased_keys if job_type.lightweight else job_type.queue.lock_leased
    )
    with database.transaction() as session:
        rows: Mapping[int, Any] = lock_rows(session, lease_tokens(results))
        outcomes = record_batch(job_type, session, leased_successes(results, rows))
        done = {
            row_id: outcome
            for row_id, outcome in outcomes.items()
            if isinstance(outcome, Reschedule)
        }
        unfinished = [
            (claim, outcomes.get(claim.id, result))
            for claim, result in results
            if claim.id not in done
        ]
        if job_type.lightweight and unfinished:
            rows = job_type.queue.lock_leased(session, lease_tokens(unfinished))
        for reschedule in done.values():
            report.count(reschedule)
        attempt_updates = {
            claim.attempt_id: attempt_fields(done[claim.id])
            for claim, _ in results
            if claim.id in done
        }
        for claim, result in unfinished:
            row = rows.get(claim.id)
            outcome = (
                STALE_LEASE
                if row is None
                else finish_row(job_type, session, row, claim, result, services)
            )
            report.count(outcome)
            attempt_updates[claim.attempt_id] = attempt_fields(outcome)
            if outcome is STALE_LEASE:
                log.warning(
                    "job.stale_lease", kind=job_type.kind, row=claim.id, attempt=claim.attempt
                )
        Attempts(session).finish(
            {row_id: fields for row_id, fields in attempt_updates.items() if row_id}
        )
    return report


def lease_tokens(results: list[tuple[Claim[Job], Any]]) -> dict[int, int]:
    return {claim.id: claim.lease_token for claim, _ in results}


def leased_successes(
    results: list[tuple[Claim[Job], Outcome | Failure | Snooze]], rows: Mapping[int, Any]
) -> list[tuple[Claim[Job], Any, Outcome]]:
    """The good ones, each with its row, as far as that is still ours."""
    return [
        (claim, rows[claim.id], result)
        for claim, result in results
        if claim.id in rows and not isinstance(result, Failure | Snooze)
    ]


def record_batch(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    group: list[tuple[Claim[Job], Any, Outcome]],
) -> dict[int, Reschedule | Failure | Snooze]:
    """The records of a group in one piece; none if that fails, so that each is tried alone.

    Rows that are done with are released with them, so that each is written once. A savepoint for
    each row would double the statements for the sake of a fault that is rare.
    """
    if not group or (job_type.record_many is None and len(group) == 1):
        return {}
    try:
        with session.begin_nested():
            requested_times = [
                None if job_type.lightweight else requested_due_at(row, claim)
                for claim, row, _ in group
            ]
            outcomes = record_each(job_type, session, [(row, result) for _, row, result in group])
            for (_, row, _), outcome, requested_at in zip(
                group, outcomes, requested_times, strict=True
            ):
                if isinstance(outcome, Reschedule) and not job_type.lightweight:
                    reschedule_row(session, row, outcome, requested_at)
            write_changes(session)
    except Exception as error:  # what it is shows when each is tried alone
        if is_unavailable(error):
            raise
        log.warning(
            "job.batch_record_failed",
            kind=job_type.kind,
            rows=len(group),
            error=type(error).__name__,
        )
        return {}
    return {row.id: outcome for (_, row, _), outcome in zip(group, outcomes, strict=True)}


def record_each(
    job_type: JobType[Row, Job, Outcome], session: Session, group: list[tuple[Any, Outcome]]
) -> Sequence[Reschedule | Failure | Snooze]:
    if job_type.record_many is not None:
        return job_type.record_many(session, group)
    return [record_row(job_type, session, row, result) for row, result in group]


def finish_row(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    row: Row,
    claim: Claim[Job],
    result: Outcome | Reschedule | Failure | Snooze,
    services: Services,
) -> Reschedule | Failure | Snooze:
    """The record itself and what follows from it for the row: when it is due again, if ever."""
    requested_at = requested_due_at(row, claim)
    outcome = record_in_savepoint(job_type, session, row, result)
    if isinstance(outcome, Reschedule):
        reschedule_row(session, row, outcome, requested_at)
    elif isinstance(outcome, Snooze):
        row.attempts -= 1
        release_lease(
            row, earliest_due_at(session, outcome.delay, requested_at), error=str(outcome)
        )
        run_hook(job_type, session, row, outcome)
    else:
        retry_delay = next_retry_delay(
            row.attempts, job_type.policy, jitter=services.jitter(), min_delay=outcome.min_delay
        )
        next_delay = retry_delay if outcome.retryable else None
        release_lease(
            row,
            earliest_due_at(session, next_delay),
            error=f"{outcome.code}: {outcome.message}"[:500],
        )
        run_hook(job_type, session, row, outcome)
    return outcome


def requested_due_at(row: Row, claim: Claim[Job]) -> datetime | None:
    """When somebody wants the row due who rang while we worked."""
    return row.due_at if row.due_at != claim.due_at else None


def reschedule_row(
    session: Session, row: Row, outcome: Reschedule, requested_at: datetime | None
) -> None:
    row.attempts = 0 if outcome.made_progress else row.attempts
    release_lease(
        row,
        earliest_due_at(
            session, outcome.after, requested_at if outcome.after is not None else None
        ),
    )


def earliest_due_at(
    session: Session, after: timedelta | None, requested_at: datetime | None = None
) -> datetime | None:
    """So long from now, or when somebody else wants it due; None if neither is said."""
    own_due_at = None if after is None else database_now(session) + after
    return min((time for time in (own_due_at, requested_at) if time is not None), default=None)


def record_in_savepoint(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    row: Row,
    result: Outcome | Reschedule | Failure | Snooze,
) -> Reschedule | Failure | Snooze:
    """The record itself, in a savepoint: a bad row costs itself and not its neighbours."""
    if isinstance(result, Reschedule | Failure | Snooze):
        return result
    try:
        with session.begin_nested():
            return record_row(job_type, session, row, result)
    except Exception as error:  # one bad row must not cost the batch; it is recorded
        if is_unavailable(error):
            raise
        return failure_from_error(error, job_type.kind, row.id)


def record_row(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row, result: Outcome
) -> Reschedule | Failure | Snooze:
    """Inside the savepoint, so that what a record wrote before saying "later" stays written."""
    try:
        return job_type.record(session, row, result)
    except Snooze as snooze:
        return snooze


def run_hook(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row, reason: Failure | Snooze
) -> None:
    """The kind's own word on a try without success. A fault in it must not cost the neighbours."""
    is_exhausted = isinstance(reason, Failure) and row.due_at is None
    try:
        with session.begin_nested():
            if isinstance(reason, Failure) and is_exhausted:
                job_type.on_exhausted(session, row, reason)
            else:
                job_type.on_retry(session, row, reason)
    except Exception as error:
        if is_unavailable(error):
            raise
        log.exception("job.hook_failed", kind=job_type.kind, row=row.id)
        release_lease(
            row,
            database_now(session) + HOOK_FAILURE_DELAY,
            error=f"unended: {type(error).__name__}",
        )
