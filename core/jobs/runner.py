"""How every piece of work runs: claim it, perform it, record it.

`perform` is given the world and no database, `record` the database and no world, so no
transaction is ever open across a network call. Must not know what the work is about.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from core.bootstrap import Services
from core.jobs.executor import ClaimSource, execute_all
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
) -> RunReport:
    """Do what is due of one kind: a batch of free rows, and more of them for a `stint` of seconds;
    then, if it `sweeps`, those whose lease lapsed, each alone.
    """
    report = run_batch(
        job_type,
        database,
        services,
        limit=job_type.batch_size,
        row_id=row_id,
        time_budget=time_budget,
    )
    isolated_limit = job_type.batch_size if job_type.lightweight else 1
    for _ in range(isolated_limit if include_expired else 0):
        isolated_report = run_batch(
            job_type, database, services, limit=1, expired=True, row_id=row_id
        )
        report.add(isolated_report)
        if not isolated_report.claimed:
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
) -> RunReport:
    """Claims, their performances and their records; also of what is due again at once. A full claim
    rings for helpers first, and one that is full when the stint is over for whoever goes on.
    """

    def fetch(limit: int) -> list[Claim[Job]]:
        return claim_batch(job_type, database, limit=limit, expired=expired, row_id=row_id)

    source, report = ClaimSource(fetch, time_budget=time_budget), RunReport()
    claims = source.fetch(limit)
    if source.has_more and row_id is None:
        services.wake(job_type.wake_kind)
    for results in execute_all(job_type, claims, services, source.fetch_more):
        due_before = report.due_immediately
        record_results(job_type, database, services, results, report)
        source.has_more |= report.due_immediately > due_before
    if source.has_more and source.claimed_count > limit:
        services.wake(job_type.wake_kind)
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
    """Rows claimed and briefed, as part of the caller's transaction; perform after its commit."""
    rows = job_type.queue.claim(
        session,
        limit=limit,
        lease=job_type.lease,
        expired=expired,
        row_id=row_id,
        lightweight=job_type.lightweight,
    )
    if not rows:
        return []
    attempt_ids = Attempts(session).start(job_type.kind, rows) if job_type.log_attempts else {}
    due_times = [row.due_at for row in rows]
    jobs = prepare_batch(job_type, session, rows)
    return [
        Claim(row.id, row.lease_token, row.attempts, due_at, attempt_ids.get(row.id), job)
        for row, due_at, job in zip(rows, due_times, jobs, strict=True)
    ]


def prepare_batch(
    job_type: JobType[Row, Job, Outcome], session: Session, rows: Sequence[Row]
) -> list[Job | Failure | Snooze]:
    """In one piece; should one of them fail, each alone, so that it costs itself only.

    A savepoint for each would double the statements for the sake of a fault that is rare.
    """
    preloaded = job_type.preload(session, rows)  # held until the end: the session itself forgets
    try:
        with nullcontext() if job_type.lightweight else session.begin_nested():
            jobs = list(map(partial(prepare_row, job_type, session), rows))
    except Exception as error:  # what it is shows when each is tried alone
        if is_unavailable(error):
            raise
        jobs = list(map(partial(prepare_in_savepoint, job_type, session), rows))
    del preloaded
    return jobs


def prepare_in_savepoint(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row
) -> Job | Failure | Snooze:
    try:
        with nullcontext() if job_type.lightweight else session.begin_nested():
            return prepare_row(job_type, session, row)
    except Exception as error:  # one bad row must not cost the batch; it is recorded
        if is_unavailable(error):
            raise
        return failure_from_error(error, job_type.kind, row.id)


def prepare_row(
    job_type: JobType[Row, Job, Outcome], session: Session, row: Row
) -> Job | Failure | Snooze:
    """Inside the savepoint, so that what a brief wrote before saying "later" stays written."""
    if row.attempts > job_type.policy.max_attempts:
        return Failure("out_of_attempts", row.last_error or "no try came back", retryable=False)
    try:
        return job_type.prepare(session, row)
    except Snooze as snooze:
        return snooze
