"""How every piece of work runs: claim it, perform it, record it.

`perform` is given the world and no database, `record` the database and no world, so no
transaction is ever open across a network call. Must not know what the work is about.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

from core.engine.kinds import Hand, Job, Outcome, Report, Work
from core.engine.perform import Supply, perform_all
from core.engine.record import write
from core.outcomes import Failure, Later, failure
from core.wiring import World
from db.attempts import Attempts
from db.due import Row
from db.session import Database, Session, away


def run(
    work: Work[Row, Job, Outcome],
    database: Database,
    world: World,
    *,
    only: int | None = None,
    sweeps: bool = True,
    stint: float = 0.0,
) -> Report:
    """Do what is due of one kind: a batch of free rows, and more of them for a `stint` of seconds;
    then, if it `sweeps`, those whose lease lapsed, each alone.
    """
    report = shift(work, database, world, limit=work.batch, only=only, stint=stint)
    lonely = work.batch if work.plain else 1
    for _ in range(lonely if sweeps else 0):
        alone = shift(work, database, world, limit=1, lapsed=True, only=only)
        report.add(alone)
        if not alone.claimed:
            break
    return report


def shift(
    work: Work[Row, Job, Outcome],
    database: Database,
    world: World,
    *,
    limit: int,
    lapsed: bool = False,
    only: int | None = None,
    stint: float = 0.0,
) -> Report:
    """Claims, their performances and their records; also of what is due again at once. A full claim
    rings for helpers first, and one that is full when the stint is over for whoever goes on.
    """

    def take(room: int) -> list[Hand[Job]]:
        return claim(work, database, limit=room, lapsed=lapsed, only=only)

    supply, report = Supply(take, stint=stint), Report()
    hands = supply.claim(limit)
    if supply.is_left and only is None:
        world.ring(work.bell)
    for results in perform_all(work, hands, world, supply.more):
        soon = report.soon
        write(work, database, world, results, report)
        supply.is_left |= report.soon > soon
    if supply.is_left and supply.claimed > limit:
        world.ring(work.bell)
    report.claimed = supply.claimed
    return report


def claim(
    work: Work[Row, Job, Outcome],
    database: Database,
    *,
    limit: int,
    lapsed: bool,
    only: int | None,
) -> list[Hand[Job]]:
    with database.transaction() as session:
        return leased(work, session, limit=limit, lapsed=lapsed, only=only)


def leased(
    work: Work[Row, Job, Outcome],
    session: Session,
    *,
    limit: int,
    lapsed: bool = False,
    only: int | None = None,
) -> list[Hand[Job]]:
    """Rows claimed and briefed, as part of the caller's transaction; perform after its commit."""
    rows = work.queue.claim(
        session, limit=limit, lease=work.lease, lapsed=lapsed, only=only, plain=work.plain
    )
    if not rows:
        return []
    entries = Attempts(session).open(work.kind, rows) if work.ledger else {}
    dues = [row.due_at for row in rows]
    jobs = briefs(work, session, rows)
    return [
        Hand(row.id, row.lease_token, row.attempts, due, entries.get(row.id), job)
        for row, due, job in zip(rows, dues, jobs, strict=True)
    ]


def briefs(
    work: Work[Row, Job, Outcome], session: Session, rows: Sequence[Row]
) -> list[Job | Failure | Later]:
    """In one piece; should one of them fail, each alone, so that it costs itself only.

    A savepoint for each would double the statements for the sake of a fault that is rare.
    """
    kept = work.gather(session, rows)  # held until the end: the session itself forgets
    try:
        with nullcontext() if work.plain else session.begin_nested():
            jobs = list(map(partial(briefed, work, session), rows))
    except Exception as error:  # what it is shows when each is tried alone
        if away(error):
            raise
        jobs = list(map(partial(brief, work, session), rows))
    del kept
    return jobs


def brief(work: Work[Row, Job, Outcome], session: Session, row: Row) -> Job | Failure | Later:
    try:
        with nullcontext() if work.plain else session.begin_nested():
            return briefed(work, session, row)
    except Exception as error:  # one bad row must not cost the batch; it is recorded
        if away(error):
            raise
        return failure(error, work.kind, row.id)


def briefed(work: Work[Row, Job, Outcome], session: Session, row: Row) -> Job | Failure | Later:
    """Inside the savepoint, so that what a brief wrote before saying "later" stays written."""
    if row.attempts > work.policy.attempts:
        return Failure("out_of_attempts", row.last_error or "no try came back", retryable=False)
    try:
        return work.brief(session, row)
    except Later as later:
        return later
