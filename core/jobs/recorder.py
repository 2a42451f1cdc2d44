"""Record the results of executed jobs: effect and state of each row in one transaction.

A result is recorded only if its row still carries the lease token of the claim (the fence).
"""

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple

import structlog

from core.backoff import next_retry_delay
from core.bootstrap import Services
from core.jobs.job_type import Claim, ClaimResult, Job, JobType, Outcome, RunReport
from core.observability.telemetry import bind_log_fields
from core.outcomes import (
    STALE_LEASE,
    Failure,
    Reschedule,
    RowOutcome,
    Snooze,
    StaleLease,
    failure_from_error,
)
from db.bulk import write_changes
from db.leases import Row, release_lease
from db.ops.attempts import AttemptResult, Attempts
from db.session import Database, DatabaseUnavailable, Session, database_now, is_unavailable

WRITE_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Pauses between attempts to record. Together, even with connection timeouts, they are far shorter
than any lease."""

HOOK_FAILURE_DELAY = timedelta(hours=1)
"""When a row is due again whose `on_retry` or `on_exhausted` failed."""

MAX_ERROR_LENGTH = 500  # characters of `last_error`

log = structlog.get_logger(__name__)


class Success(NamedTuple, Generic[Job, Outcome]):
    """A claim whose job was executed, with its locked row."""

    claim: Claim[Job]
    row: Any
    outcome: Outcome


def record_results(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    results: Iterable[ClaimResult[Job, Outcome]],
) -> RunReport:
    """Record effect and state of those rows that still carry their lease token.

    While the database is unavailable the results are kept and recorded again; if an earlier
    attempt was committed after all, the fence drops the second one.
    Errors: DatabaseUnavailable after the last attempt.
    """
    results = list(results)
    for pause in WRITE_RETRY_SECONDS:
        try:
            return record_in_transaction(job_type, database, services, results)
        except DatabaseUnavailable as error:
            log.warning(
                "job.results_not_recorded", kind=job_type.kind, rows=len(results), error=str(error)
            )
            time.sleep(pause)
    return record_in_transaction(job_type, database, services, results)


def record_in_transaction(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    results: list[ClaimResult[Job, Outcome]],
) -> RunReport:
    report = RunReport()
    if not results:
        return report
    with database.transaction() as session:
        outcomes = record_and_release(job_type, session, results, services)
        Attempts(session).finish(
            {
                claim.attempt_id: attempt_result(outcome)
                for claim, outcome in outcomes
                if claim.attempt_id is not None
            }
        )
    for claim, outcome in outcomes:
        report.count(outcome)
        if isinstance(outcome, StaleLease):
            log.warning("job.stale_lease", kind=job_type.kind, row=claim.id, attempt=claim.attempt)
    return report


def record_and_release(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    results: list[ClaimResult[Job, Outcome]],
    services: Services,
) -> list[tuple[Claim[Job], RowOutcome | StaleLease]]:
    """Record the successes together, then each row that is not finished by that.

    Of two claims of one row only the later may record: a lease can end while its worker has both.
    """
    tokens = lease_tokens(results)
    overtaken = [claim for claim, _ in results if claim.lease_token != tokens[claim.id]]
    results = [pair for pair in results if pair[0].lease_token == tokens[pair[0].id]]
    rows = job_type.lock_for_record(session, tokens)
    recorded = record_batch(job_type, session, leased_successes(results, rows))
    finished: list[tuple[Claim[Job], RowOutcome | StaleLease]] = [
        (claim, STALE_LEASE) for claim in overtaken
    ]
    unfinished: list[tuple[Claim[Job], Outcome | RowOutcome]] = []
    for claim, result in results:
        outcome = recorded.get(claim.id)
        if isinstance(outcome, Reschedule):
            finished.append((claim, outcome))
        else:
            unfinished.append((claim, result if outcome is None else outcome))
    if not unfinished:
        return finished
    rows = job_type.lock_unfinished(session, lease_tokens(unfinished), rows)
    for claim, last_result in unfinished:
        row = rows.get(claim.id)
        with bind_log_fields(claim.log_fields):
            ending = finish_row(job_type, session, row, claim, last_result, services)
        finished.append((claim, ending))
    return finished


def lease_tokens(results: list[tuple[Claim[Job], Any]]) -> dict[int, int]:
    """Row id → the token of its latest claim."""
    tokens: dict[int, int] = {}
    for claim, _ in results:
        tokens[claim.id] = max(claim.lease_token, tokens.get(claim.id, 0))
    return tokens


def leased_successes(
    results: list[ClaimResult[Job, Outcome]], rows: Mapping[int, Any]
) -> list[Success[Job, Outcome]]:
    """The successful executions whose rows still carry the token of the claim."""
    return [
        Success(claim, rows[claim.id], result)
        for claim, result in results
        if claim.id in rows and not isinstance(result, Failure | Snooze)
    ]


def record_batch(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    successes: list[Success[Job, Outcome]],
) -> dict[int, RowOutcome]:
    """Record all in one savepoint; return the outcomes by row id.

    Returns none if that fails, so that the caller records each row alone.

    A savepoint for each row would double the statements for the sake of a rare fault. Finished
    rows are released here too, so that each row is written once.
    """
    if not successes:
        return {}
    try:
        with session.begin_nested():
            outcomes = record_and_reschedule(job_type, session, successes)
            write_changes(session)
    except Exception as error:  # recording each row alone shows which one fails
        if is_unavailable(error):
            raise
        if len(successes) == 1:
            row_id = successes[0].claim.id
            return {row_id: failure_from_error(error, job_type.kind, row_id)}
        log.warning(
            "job.batch_record_failed",
            kind=job_type.kind,
            rows=len(successes),
            error=type(error).__name__,
        )
        return {}
    return outcomes


def record_and_reschedule(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    successes: list[Success[Job, Outcome]],
) -> dict[int, RowOutcome]:
    """Record all and release the finished rows, unless `record_many` has released them."""
    rows = [success.row for success in successes]
    batch = [(success.row, success.outcome) for success in successes]
    if job_type.releases_recorded_rows:
        outcomes = job_type.record_many(session, batch)
    else:
        # read before recording, which may change `due_at` itself
        requested_times = [requested_due_at(success.row, success.claim) for success in successes]
        outcomes = job_type.record_many(session, batch)
        for row, outcome, requested_at in zip(rows, outcomes, requested_times, strict=True):
            if isinstance(outcome, Reschedule):
                reschedule_row(session, row, outcome, requested_at)
    return {row.id: outcome for row, outcome in zip(rows, outcomes, strict=True)}


def finish_row(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    row: Row | None,
    claim: Claim[Job],
    result: Outcome | RowOutcome,
    services: Services,
) -> RowOutcome | StaleLease:
    """Record one row, release it and set when it is due again, if ever."""
    if row is None:
        return STALE_LEASE
    requested_at = requested_due_at(row, claim)
    outcome = record_in_savepoint(job_type, session, row, result)
    if isinstance(outcome, Reschedule):
        reschedule_row(session, row, outcome, requested_at)
    elif isinstance(outcome, Snooze):
        row.attempts -= 1
        due_at = earliest_due_at(session, outcome.delay, requested_at)
        release_lease(row, due_at, error=str(outcome))
        run_hook(job_type, session, row, outcome)
    else:
        retry_delay = next_retry_delay(
            row.attempts,
            job_type.retry_policy,
            jitter=services.jitter(),
            min_delay=outcome.min_delay,
        )
        due_at = earliest_due_at(session, retry_delay if outcome.retryable else None)
        error = f"{outcome.code}: {outcome.message}"[:MAX_ERROR_LENGTH]
        release_lease(row, due_at, error=error)
        run_hook(job_type, session, row, outcome)
    return outcome


def record_in_savepoint(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row, result: Outcome | RowOutcome
) -> RowOutcome:
    """Record one row in a separate savepoint, so that an error in it affects this row only."""
    if isinstance(result, Reschedule | Failure | Snooze):
        return result
    try:
        with session.begin_nested():
            return job_type.record_or_snooze(session, row, result)
    except Exception as error:
        if is_unavailable(error):
            raise
        return failure_from_error(error, job_type.kind, row.id)


def requested_due_at(row: Row, claim: Claim[Job]) -> datetime | None:
    """The due time that somebody else set during the execution; None if it is unchanged."""
    return row.due_at if row.due_at != claim.due_at else None


def reschedule_row(
    session: Session, row: Row, outcome: Reschedule, requested_at: datetime | None
) -> None:
    """Release a recorded row. One that has ended is not due again, whatever was requested."""
    if outcome.made_progress:
        row.attempts = 0
    if outcome.after is None:
        release_lease(row, None)
    else:
        release_lease(row, earliest_due_at(session, outcome.after, requested_at))


def earliest_due_at(
    session: Session, delay: timedelta | None, requested_at: datetime | None = None
) -> datetime | None:
    """The earlier of `delay` from now and the requested time; None if there is neither."""
    times = [] if requested_at is None else [requested_at]
    if delay is not None:
        times.append(database_now(session) + delay)
    return min(times, default=None)


def run_hook(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row, cause: Failure | Snooze
) -> None:
    """Call `on_exhausted` or `on_retry`. An error in it affects this row only: it is due later."""
    is_exhausted = row.due_at is None
    try:
        with session.begin_nested():
            if isinstance(cause, Failure) and is_exhausted:
                job_type.on_exhausted(session, row, cause)
            else:
                job_type.on_retry(session, row, cause)
    except Exception as error:
        if is_unavailable(error):
            raise
        log.exception("job.hook_failed", kind=job_type.kind, row=row.id)
        due_at = database_now(session) + HOOK_FAILURE_DELAY
        release_lease(row, due_at, error=f"hook failed: {type(error).__name__}")


def attempt_result(outcome: RowOutcome | StaleLease) -> AttemptResult:
    """Return how an attempt ended, as the table `attempts` keeps it."""
    if isinstance(outcome, Failure):
        word = "retry" if outcome.retryable else "failed"
        return AttemptResult(word, outcome.code, outcome.message, outcome.log_id)
    if isinstance(outcome, Snooze):
        return AttemptResult("later", message=str(outcome))
    if isinstance(outcome, StaleLease):
        return AttemptResult("fenced")
    return AttemptResult("failed", outcome.refusal) if outcome.refusal else AttemptResult("done")
