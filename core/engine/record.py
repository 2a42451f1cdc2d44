"""The second half of the engine: results become rows, fenced. Must not speak to the outside."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.backoff import delay
from core.engine.kinds import Hand, Job, Outcome, Report, Work
from core.outcomes import FENCED, Again, Failure, Later, entry, failure
from core.wiring import World
from db.attempts import Attempts
from db.changes import write_changes
from db.due import Row, release
from db.session import Database, Session, StoreAway, away, now

PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
"""Seconds before writing again; with the connects that fail, far below any lease."""

UNENDED = timedelta(hours=1)
"""When a row comes back whose own end could not be written down."""

log = structlog.get_logger(__name__)


def write(
    work: Work[Row, Job, Outcome],
    database: Database,
    world: World,
    results: Iterable[tuple[Hand[Job], Outcome | Failure | Later]],
    report: Report,
) -> None:
    """Effect and state in one transaction, for those rows that still carry our token.

    An answer in hand is not thrown away because Postgres stumbled: it is written again, and the
    fence keeps a writing that did arrive from being repeated. Errors: StoreAway.
    """
    results = list(results)
    for pause in (*PAUSES, None):
        try:
            report.add(written(work, database, world, results))
        except StoreAway as stumble:
            log.warning("work.unwritten", kind=work.kind, rows=len(results), error=str(stumble))
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def written(
    work: Work[Row, Job, Outcome],
    database: Database,
    world: World,
    results: list[tuple[Hand[Job], Outcome | Failure | Later]],
) -> Report:
    report = Report()
    if not results:
        return report
    look = work.queue.glimpsed if work.plain else work.queue.held
    with database.transaction() as session:
        rows: Mapping[int, Any] = look(session, tokens(results))
        ends = jointly(work, session, ours(results, rows))
        done = {number: ended for number, ended in ends.items() if isinstance(ended, Again)}
        rest = [(hand, ends.get(hand.id, one)) for hand, one in results if hand.id not in done]
        if work.plain and rest:
            rows = work.queue.held(session, tokens(rest))
        for again in done.values():
            report.count(again)
        closed = {hand.entry: entry(done[hand.id]) for hand, _ in results if hand.id in done}
        for hand, result in rest:
            row = rows.get(hand.id)
            ended = FENCED if row is None else end(work, session, row, hand, result, world)
            report.count(ended)
            closed[hand.entry] = entry(ended)
            if ended is FENCED:
                log.warning("work.fenced", kind=work.kind, row=hand.id, attempt=hand.attempt)
        Attempts(session).close({number: told for number, told in closed.items() if number})
    return report


def tokens(results: list[tuple[Hand[Job], Any]]) -> dict[int, int]:
    return {hand.id: hand.token for hand, _ in results}


def ours(
    results: list[tuple[Hand[Job], Outcome | Failure | Later]], rows: Mapping[int, Any]
) -> list[tuple[Hand[Job], Any, Outcome]]:
    """The good ones, each with its row, as far as that is still ours."""
    return [
        (hand, rows[hand.id], one)
        for hand, one in results
        if hand.id in rows and not isinstance(one, Failure | Later)
    ]


def jointly(
    work: Work[Row, Job, Outcome], session: Session, group: list[tuple[Hand[Job], Any, Outcome]]
) -> dict[int, Again | Failure | Later]:
    """The records of a group in one piece; none if that fails, so that each is tried alone.

    Rows that are done with are released with them, so that each is written once. A savepoint for
    each row would double the statements for the sake of a fault that is rare.
    """
    if not group or (work.together is None and len(group) == 1):
        return {}
    try:
        with session.begin_nested():
            rung = [None if work.plain else asked(row, hand) for hand, row, _ in group]
            ends = in_turn(work, session, [(row, one) for _, row, one in group])
            for (_, row, _), ended, at_latest in zip(group, ends, rung, strict=True):
                if isinstance(ended, Again) and not work.plain:
                    put_down(session, row, ended, at_latest)
            write_changes(session)
    except Exception as error:  # what it is shows when each is tried alone
        if away(error):
            raise
        log.warning("work.apart", kind=work.kind, rows=len(group), error=type(error).__name__)
        return {}
    return {row.id: ended for (_, row, _), ended in zip(group, ends, strict=True)}


def in_turn(
    work: Work[Row, Job, Outcome], session: Session, group: list[tuple[Any, Outcome]]
) -> Sequence[Again | Failure | Later]:
    if work.together is not None:
        return work.together(session, group)
    return [recorded(work, session, row, one) for row, one in group]


def end(
    work: Work[Row, Job, Outcome],
    session: Session,
    row: Row,
    hand: Hand[Job],
    result: Outcome | Again | Failure | Later,
    world: World,
) -> Again | Failure | Later:
    """The record itself and what follows from it for the row: when it is due again, if ever."""
    rung = asked(row, hand)
    ended = effect(work, session, row, result)
    if isinstance(ended, Again):
        put_down(session, row, ended, rung)
    elif isinstance(ended, Later):
        row.attempts -= 1
        release(row, earliest(session, ended.wait, rung), error=str(ended))
        aside(work, session, row, ended)
    else:
        patience = delay(row.attempts, work.policy, dice=world.dice(), at_least=ended.at_least)
        lasting = patience if ended.retryable else None
        release(row, earliest(session, lasting), error=f"{ended.code}: {ended.message}"[:500])
        aside(work, session, row, ended)
    return ended


def asked(row: Row, hand: Hand[Job]) -> datetime | None:
    """When somebody wants the row due who rang while we worked."""
    return row.due_at if row.due_at != hand.due else None


def put_down(session: Session, row: Row, ended: Again, rung: datetime | None) -> None:
    row.attempts = 0 if ended.progressed else row.attempts
    release(row, earliest(session, ended.after, rung if ended.after is not None else None))


def earliest(
    session: Session, after: timedelta | None, rung: datetime | None = None
) -> datetime | None:
    """So long from now, or when somebody else wants it due; None if neither is said."""
    ours = None if after is None else now(session) + after
    return min((time for time in (ours, rung) if time is not None), default=None)


def effect(
    work: Work[Row, Job, Outcome],
    session: Session,
    row: Row,
    result: Outcome | Again | Failure | Later,
) -> Again | Failure | Later:
    """The record itself, in a savepoint: a bad row costs itself and not its neighbours."""
    if isinstance(result, Again | Failure | Later):
        return result
    try:
        with session.begin_nested():
            return recorded(work, session, row, result)
    except Exception as error:  # one bad row must not cost the batch; it is recorded
        if away(error):
            raise
        return failure(error, work.kind, row.id)


def recorded(
    work: Work[Row, Job, Outcome], session: Session, row: Row, result: Outcome
) -> Again | Failure | Later:
    """Inside the savepoint, so that what a record wrote before saying "later" stays written."""
    try:
        return work.record(session, row, result)
    except Later as later:
        return later


def aside(work: Work[Row, Job, Outcome], session: Session, row: Row, why: Failure | Later) -> None:
    """The kind's own word on a try without success. A fault in it must not cost the neighbours."""
    final = isinstance(why, Failure) and row.due_at is None
    try:
        with session.begin_nested():
            if isinstance(why, Failure) and final:
                work.give_up(session, row, why)
            else:
                work.put_back(session, row, why)
    except Exception as error:
        if away(error):
            raise
        log.exception("work.unended", kind=work.kind, row=row.id)
        release(row, now(session) + UNENDED, error=f"unended: {type(error).__name__}")
