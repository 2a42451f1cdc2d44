"""How every piece of work runs: claim it, perform it, record it.

`perform` is given the world and no database, `record` the database and no world, so no
transaction is ever open across a network call. Must not know what the work is about.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext

from core.engine.kinds import Hand, Job, Outcome, Report, Work
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
) -> Report:
    """Do what is due of one kind: a batch of free rows, then, if it `sweeps`, those whose lease
    lapsed, each alone.
    """
    report = shift(work, database, world, limit=work.batch, only=only)
    lonely = work.batch if work.together else 1
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
) -> Report:
    """One claim, its performances and their records. A full claim rings for helpers first."""
    hands = claim(work, database, limit=limit, lapsed=lapsed, only=only)
    if len(hands) == limit and only is None:
        world.ring(work.bell)
    report = Report(claimed=len(hands))
    results = perform_all(work, hands, world)
    for group in [list(results)] if work.together else ([pair] for pair in results):
        write(work, database, world, group, report)
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
    entries = Attempts(session).open(work.kind, rows) if work.ledger else {}
    return [in_hand(work, session, row, entries.get(row.id)) for row in rows]


def in_hand(
    work: Work[Row, Job, Outcome], session: Session, row: Row, entry: int | None
) -> Hand[Job]:
    due = row.due_at
    job = brief(work, session, row)
    return Hand(row.id, row.lease_token, row.attempts, due, entry, job)


def brief(work: Work[Row, Job, Outcome], session: Session, row: Row) -> Job | Failure | Later:
    if row.attempts > work.policy.attempts:
        return Failure("out_of_attempts", row.last_error or "no try came back", retryable=False)
    try:
        with nullcontext() if work.plain else session.begin_nested():
            return briefed(work, session, row)
    except Exception as error:  # one bad row must not cost the batch; it is recorded
        if away(error):
            raise
        return failure(error, work.kind, row.id)


def briefed(work: Work[Row, Job, Outcome], session: Session, row: Row) -> Job | Later:
    """Inside the savepoint, so that what a brief wrote before saying "later" stays written."""
    try:
        return work.brief(session, row)
    except Later as later:
        return later


def perform_all(
    work: Work[Row, Job, Outcome], hands: list[Hand[Job]], world: World
) -> Iterator[tuple[Hand[Job], Outcome | Failure | Later]]:
    """Results as they come: each is recorded before the next is waited for.

    First those that need no performance: who is to be parked must not wait for others' calls.
    """
    hands = sorted(hands, key=lambda hand: not isinstance(hand.job, Failure | Later))
    if work.pool == 1 or len(hands) <= 1:
        for hand in hands:
            result = perform(work, hand, world)
            yield hand, result
        return
    threads = ThreadPoolExecutor(work.pool, thread_name_prefix=work.kind)
    try:
        waiting = {threads.submit(perform, work, hand, world): hand for hand in hands}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        threads.shutdown(cancel_futures=True)  # out of time, or nowhere to write: begin no more


def perform(
    work: Work[Row, Job, Outcome], hand: Hand[Job], world: World
) -> Outcome | Failure | Later:
    if isinstance(hand.job, Failure | Later):
        return hand.job
    try:
        return work.perform(hand.job, world)
    except Later as later:
        return later
    except Exception as error:  # noqa: BLE001 - whatever it is becomes the recorded outcome
        return failure(error, work.kind, hand.id)
