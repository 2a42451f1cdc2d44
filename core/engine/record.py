"""The second half of the engine: results become rows, fenced. Must not speak to the outside."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog

from core.backoff import delay
from core.engine.kinds import Hand, Job, Outcome, Report, Work
from core.outcomes import FENCED, Again, Failure, Later, entry, failure
from core.wiring import World
from db.attempts import Attempts, Entry
from db.due import Row, release
from db.session import Database, Session, StoreAway, away

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
        ends = jointly(work, session, outcomes(results, rows))
        rest = results
        if work.plain:  # its own `together` has released what it finished
            rest = [pair for pair in results if not isinstance(ends.get(pair[0].id), Again)]
            rows = work.queue.held(session, tokens(rest)) if rest else {}
        report.recorded += len(results) - len(rest)
        closed: dict[int, Entry] = {}
        for hand, one in rest:
            row, result = rows.get(hand.id), ends.get(hand.id, one)
            ended = FENCED if row is None else end(work, session, row, hand, result, world)
            report.count(ended)
            if hand.entry is not None:
                closed[hand.entry] = entry(ended)
            if ended is FENCED:
                log.warning("work.fenced", kind=work.kind, row=hand.id, attempt=hand.attempt)
        Attempts(session).close(closed)
    return report


def tokens(results: list[tuple[Hand[Job], Any]]) -> dict[int, int]:
    return {hand.id: hand.token for hand, _ in results}


def outcomes(
    results: list[tuple[Hand[Job], Outcome | Failure | Later]], rows: Mapping[int, Any]
) -> list[tuple[Any, Outcome]]:
    """The good ones, each with its row, as far as that is still ours."""
    return [
        (rows[hand.id], one)
        for hand, one in results
        if hand.id in rows and not isinstance(one, Failure | Later)
    ]


def jointly(
    work: Work[Row, Job, Outcome], session: Session, group: list[tuple[Any, Outcome]]
) -> dict[int, Again | Failure | Later]:
    """The records of a group in one piece; none if that fails, so that each is tried alone.

    A savepoint for each row would double the statements for the sake of a fault that is rare.
    """
    if not group or (work.together is None and len(group) == 1):
        return {}
    try:
        with session.begin_nested():
            ends = in_turn(work, session, group)
    except Exception as error:  # what it is shows when each is tried alone
        if away(error):
            raise
        log.warning("work.apart", kind=work.kind, rows=len(group), error=type(error).__name__)
        return {}
    return {row.id: ended for (row, _), ended in zip(group, ends, strict=True)}


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
    asked = row.due_at if row.due_at != hand.due else None  # somebody rang while we worked
    ended = effect(work, session, row, result)
    if isinstance(ended, Again):
        row.attempts = 0 if ended.progressed else row.attempts
        release(row, ended.after, at_latest=asked if ended.after is not None else None)
    elif isinstance(ended, Later):
        row.attempts -= 1
        release(row, ended.wait, at_latest=asked, error=str(ended))
        aside(work, session, row, ended)
    else:
        patience = delay(row.attempts, work.policy, dice=world.dice(), at_least=ended.at_least)
        lasting = patience if ended.retryable else None
        release(row, lasting, error=f"{ended.code}: {ended.message}"[:500])
        aside(work, session, row, ended)
    return ended


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
        release(row, UNENDED, error=f"unended: {type(error).__name__}")
