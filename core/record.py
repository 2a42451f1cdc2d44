"""The second half of the engine: results become rows, fenced. Must not speak to the outside."""

from collections.abc import Iterable

import structlog

from core.backoff import delay
from core.kinds import Hand, Job, Outcome, Report, Work
from core.outcomes import Again, Failure, Later, entry, failure
from core.wiring import World
from db.attempts import Attempts
from db.due import Row, release
from db.session import Database, Session

log = structlog.get_logger(__name__)


def write(
    work: Work[Row, Job, Outcome],
    database: Database,
    world: World,
    results: Iterable[tuple[Hand[Job], Outcome | Failure | Later]],
    report: Report,
) -> None:
    """Effect and state in one transaction, for those rows that still carry our token."""
    results = list(results)
    if not results:
        return
    with database.transaction() as session:
        held = work.queue.held(session, {hand.id: hand.token for hand, _ in results})
        for hand, result in results:
            row = held.get(hand.id)
            ended = "fenced" if row is None else effect(work, session, row, result)
            if row is None:
                report.fenced += 1
                log.warning("work.fenced", kind=work.kind, row=hand.id, attempt=hand.attempt)
            elif not isinstance(ended, str):
                book(work, session, row, ended, world, report)
            if hand.entry is not None:
                Attempts(session).close(hand.entry, *entry(ended))


def effect(
    work: Work[Row, Job, Outcome], session: Session, row: Row, result: Outcome | Failure | Later
) -> Again | Failure | Later:
    """The record itself, in a savepoint: a bad row costs itself and not its neighbours."""
    if isinstance(result, Failure | Later):
        return result
    try:
        with session.begin_nested():
            return recorded(work, session, row, result)
    except Exception as error:  # noqa: BLE001 - one bad row must not cost the batch; it is recorded
        return failure(error, work.kind, row.id)


def recorded(
    work: Work[Row, Job, Outcome], session: Session, row: Row, result: Outcome
) -> Again | Later:
    """Inside the savepoint, so that what a record wrote before saying "later" stays written."""
    try:
        return work.record(session, row, result)
    except Later as later:
        return later


def book(
    work: Work[Row, Job, Outcome],
    session: Session,
    row: Row,
    result: Again | Failure | Later,
    world: World,
    report: Report,
) -> None:
    if isinstance(result, Again):
        report.recorded += 1
        row.attempts = 0 if result.progressed else row.attempts
        release(row, result.after)
    elif isinstance(result, Later):
        row.attempts -= 1
        release(row, result.wait, error=str(result))
        work.put_back(session, row, result)
    else:
        report.failed += 1
        patience = delay(row.attempts, work.policy, dice=world.dice(), at_least=result.at_least)
        lasting = patience if result.retryable else None
        release(row, lasting, error=f"{result.code}: {result.message}"[:500])
        (work.give_up if lasting is None else work.put_back)(session, row, result)
