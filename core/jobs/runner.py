"""Run due work of one job type: claim a batch of rows, execute their jobs, record the results.

No transaction is open while jobs are executed: claiming and recording have the database, executing
has the services.
"""

from collections.abc import Callable, Sequence
from functools import partial

from core.bootstrap import Services
from core.jobs.executor import ClaimSource, execute_all, is_never_stopping
from core.jobs.job_type import Claim, Job, JobType, Outcome, RunReport
from core.jobs.recorder import record_results
from core.outcomes import Failure, Snooze, failure_from_error
from db.leases import Row
from db.ops.attempts import Attempts
from db.session import Database, Session, is_unavailable


def run_jobs(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    *,
    row_id: int | None = None,
    include_expired: bool = True,
    time_budget: float = 0.0,
    is_stopping: Callable[[], bool] = is_never_stopping,
) -> RunReport:
    """Run what is due: a batch, and more of them for `time_budget` seconds.

    With `include_expired`, rows whose lease has expired follow, each in a separate batch: they may
    have killed their last worker. With `row_id`, only that row is run, if it is due.
    """
    report = run_batch(
        job_type,
        database,
        services,
        limit=job_type.batch_size,
        row_id=row_id,
        time_budget=time_budget,
        is_stopping=is_stopping,
    )
    if not include_expired:
        return report
    for _ in range(job_type.expired_limit):
        if is_stopping():
            break
        expired_report = run_batch(
            job_type, database, services, limit=1, expired=True, row_id=row_id
        )
        report.add(expired_report)
        if not expired_report.claimed:
            break
    return report


def run_batch(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    services: Services,
    *,
    limit: int,
    expired: bool = False,
    row_id: int | None = None,
    time_budget: float = 0.0,
    is_stopping: Callable[[], bool] = is_never_stopping,
) -> RunReport:
    """Claim a batch, execute it and record the results; claim more while the time budget lasts.

    Wakes another worker if the first batch was full; at the end again, if more was claimed since
    and rows are left.
    """

    def claim_rows(row_limit: int) -> list[Claim[Job]]:
        return claim_batch(job_type, database, limit=row_limit, expired=expired, row_id=row_id)

    source = ClaimSource(claim_rows, time_budget=time_budget, is_stopping=is_stopping)
    report = RunReport()
    claims = source.fetch(limit)
    if source.has_more and row_id is None:
        services.wake(job_type.kind)
    for results in execute_all(job_type, claims, services, source.fetch_more):
        group_report = record_results(job_type, database, services, results)
        report.add(group_report)
        if group_report.due_immediately:
            source.expect_more()
    has_claimed_again = source.claimed_count > limit
    if source.has_more and has_claimed_again:
        services.wake(job_type.kind)
    report.claimed = source.claimed_count
    return report


def claim_batch(
    job_type: JobType[Row, Job, Outcome],
    database: Database,
    *,
    limit: int,
    expired: bool,
    row_id: int | None,
) -> list[Claim[Job]]:
    """`claim_and_prepare` in a separate transaction."""
    with database.transaction() as session:
        return claim_and_prepare(job_type, session, limit=limit, expired=expired, row_id=row_id)


def claim_and_prepare(
    job_type: JobType[Row, Job, Outcome],
    session: Session,
    *,
    limit: int,
    expired: bool = False,
    row_id: int | None = None,
) -> list[Claim[Job]]:
    """Claim rows and prepare their jobs in the caller's transaction; execute after its commit."""
    rows = job_type.claim_rows(session, limit=limit, expired=expired, row_id=row_id)
    if not rows:
        return []
    attempt_ids = Attempts(session).start(job_type.kind, rows) if job_type.log_attempts else {}
    due_times = [row.due_at for row in rows]
    jobs = prepare_batch(job_type, session, rows)
    return [
        Claim(
            row.id,
            row.lease_token,
            row.attempts,
            due_at,
            attempt_ids.get(row.id),
            job,
            job_type.describe_row(row),
            getattr(row, "trace_parent", None),
        )
        for row, due_at, job in zip(rows, due_times, jobs, strict=True)
    ]


def prepare_batch(
    job_type: JobType[Row, Job, Outcome], session: Session, rows: Sequence[Row]
) -> list[Job | Failure | Snooze]:
    """Prepare all rows in one savepoint; if one of them fails, each row in a separate savepoint.

    A savepoint for each from the start would double the statements for the sake of a rare fault.
    """
    preloaded = job_type.preload(session, rows)  # the session itself has only weak references
    try:
        with job_type.prepare_savepoint(session):
            jobs = list(map(partial(prepare_row, job_type, session), rows))
    except Exception as error:  # preparing each row alone shows which one fails
        if is_unavailable(error):
            raise
        jobs = list(map(partial(prepare_in_savepoint, job_type, session), rows))
    del preloaded
    return jobs


def prepare_in_savepoint(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row
) -> Job | Failure | Snooze:
    try:
        with job_type.prepare_savepoint(session):
            return prepare_row(job_type, session, row)
    except Exception as error:  # a bad row must not fail its batch; the error is recorded with it
        if is_unavailable(error):
            raise
        return failure_from_error(error, job_type.kind, row.id)


def prepare_row(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row
) -> Job | Failure | Snooze:
    """Prepare one row inside the savepoint.

    If `prepare` raises Snooze, what it has written is kept.
    """
    if row.attempts > job_type.retry_policy.max_attempts:
        message = row.last_error or "no attempt was completed"
        return Failure("out_of_attempts", message, retryable=False)
    try:
        return job_type.prepare(session, row)
    except Snooze as snooze:
        return snooze
