"""How every piece of work runs: claim it, perform it, record it.

`perform` is given the world and no database, `record` the database and no world, so no
transaction is ever open across a network call. Must not know what the work is about.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import partial

from core.engine.kinds import Hand, Job, Outcome, Report, Work
from core.engine.record import write
from core.outcomes import Failure, Later, failure
from core.wiring import World
from db.attempts import Attempts
from db.due import Row
from db.session import Database, Session, away

TOGETHER = 0.01  # seconds an answer waits for those that come with it, to be recorded with them


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
) -> Report:
    """One claim, its performances and their records. A full claim rings for helpers first."""
    hands = claim(work, database, limit=limit, lapsed=lapsed, only=only)
    if len(hands) == limit and only is None:
        world.ring(work.bell)
    report = Report(claimed=len(hands))
    for results in perform_all(work, hands, world):
        write(work, database, world, results, report)
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


def perform_all(
    work: Work[Row, Job, Outcome], hands: list[Hand[Job]], world: World
) -> Iterator[list[tuple[Hand[Job], Outcome | Failure | Later]]]:
    """Results as they come, all that are there at once: those are recorded before more is waited
    for, so that a kill costs no answer that somebody had time to write down.

    First those that need no performance: who is to be parked must not wait for others' calls.
    """
    idle = [hand for hand in hands if isinstance(hand.job, Failure | Later)]
    busy = [hand for hand in hands if not isinstance(hand.job, Failure | Later)]
    one = partial(performed, work, world)
    if idle:
        told = list(map(one, idle))
        yield told
    if work.pool > 1 and len(busy) > 1:
        yield from by_threads(work, busy, world)
    elif work.plain:  # calls nobody
        results = list(map(one, busy))
        yield results
    else:
        for result in map(one, busy):
            yield [result]


def by_threads(
    work: Work[Row, Job, Outcome], hands: list[Hand[Job]], world: World
) -> Iterator[list[tuple[Hand[Job], Outcome | Failure | Later]]]:
    threads = ThreadPoolExecutor(work.pool, thread_name_prefix=work.kind)
    try:
        waiting = {threads.submit(performed, work, world, hand) for hand in hands}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            more, waiting = wait(waiting, timeout=TOGETHER)
            yield [future.result() for future in done | more]
    finally:
        threads.shutdown(cancel_futures=True)  # out of time, or nowhere to write: begin no more


def performed(
    work: Work[Row, Job, Outcome], world: World, hand: Hand[Job]
) -> tuple[Hand[Job], Outcome | Failure | Later]:
    return hand, perform(work, hand, world)


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
