"""What is due of one kind, right now, for somebody who waits to hear how it went.

The workers do the same without being asked; what a sweep leaves over is theirs.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from core.engine.kinds import Job, Outcome, Work
from core.engine.work import run
from core.outcomes import Again, Failure, Later
from core.wiring import World
from db.due import Row
from db.session import Database, Session

LAST_CALL = timedelta(seconds=30)
"""No batch begins later: with its longest calls a sweep still ends within a minute."""

BATCH = 8


def sweep(
    work: Work[Row, Job, Outcome],
    database: Database,
    world: World,
    *,
    left: Callable[[], int],
    told: Callable[[Row, Outcome | Failure | Later], None],
) -> None:
    """As many rows as are `left` to do, and `LAST_CALL` plus one batch of time. Each is `told` of
    as it ends.
    """
    noted, most, started = noting(work, told), left(), time.monotonic()
    while (rest := left()) > 0:
        share = replace(noted, batch=min(BATCH, rest))
        sweeps = rest == most and rest > BATCH  # lapsed rows: late, there is no time for them
        claimed = run(share, database, world, sweeps=sweeps).claimed
        if not claimed or time.monotonic() - started > LAST_CALL.total_seconds():
            break


def noting(
    work: Work[Row, Job, Outcome], told: Callable[[Row, Outcome | Failure | Later], None]
) -> Work[Row, Job, Outcome]:
    """The usual work, with an eye on how each of its rows ended."""

    def record(session: Session, row: Row, outcome: Outcome) -> Again | Failure:
        again = work.record(session, row, outcome)
        told(row, outcome)
        return again

    def put_back(session: Session, row: Row, why: Failure | Later) -> None:
        work.put_back(session, row, why)
        told(row, why)

    def give_up(session: Session, row: Row, failure: Failure) -> None:
        work.give_up(session, row, failure)
        told(row, failure)

    return replace(work, record=record, together=None, put_back=put_back, give_up=give_up)
