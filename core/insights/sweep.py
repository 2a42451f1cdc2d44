"""Numbers that are due, right now, for somebody who waits to hear how it went.

The workers do the same without being asked; what a sweep leaves over is theirs.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta

from core.engine.kinds import Work
from core.engine.work import run
from core.insights.enrol import enrol
from core.insights.question import Denied, Job
from core.insights.sampling import WORK, Outcome
from core.outcomes import Again, Failure, Later
from core.wiring import World
from db.session import Database, Session
from db.watches import Watch

LAST_CALL = timedelta(seconds=30)
"""No batch begins later: with its longest calls a sweep still ends within a minute."""

BATCH = 8


@dataclass(frozen=True)
class Fault:
    account_id: int
    code: str


@dataclass
class Swept:
    """Questions: answered, put off, refused or failed."""

    answered: int = 0
    skipped: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.answered + self.skipped + len(self.faults)


def sample(database: Database, world: World) -> Swept:
    """At most `INSIGHTS_BATCH` questions, and `LAST_CALL` plus one batch of time."""
    enrol(database, world)
    swept, started = Swept(), time.monotonic()
    work = noting(swept)
    while swept.total < world.settings.limits.insights_batch:
        claimed = run(work, database, world).claimed
        if not claimed or time.monotonic() - started > LAST_CALL.total_seconds():
            break
    return swept


def noting(swept: Swept) -> Work[Watch, Job, Outcome]:
    """The usual work, with an eye on how each of its questions ended."""

    def record(session: Session, watch: Watch, outcome: Outcome) -> Again | Failure:
        again = WORK.record(session, watch, outcome)
        if isinstance(outcome, Denied):
            swept.faults.append(Fault(watch.oauth_account_id, outcome.code))
        else:
            swept.answered += 1
        return again

    def put_back(session: Session, watch: Watch, why: Failure | Later) -> None:
        WORK.put_back(session, watch, why)
        if isinstance(why, Failure):
            swept.faults.append(Fault(watch.oauth_account_id, why.code))
        else:
            swept.skipped += 1

    def give_up(session: Session, watch: Watch, failure: Failure) -> None:
        WORK.give_up(session, watch, failure)
        swept.faults.append(Fault(watch.oauth_account_id, failure.code))

    return replace(WORK, record=record, put_back=put_back, give_up=give_up, batch=BATCH)
