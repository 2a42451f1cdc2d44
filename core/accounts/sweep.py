"""Every refresh that is due, right now, for somebody who waits to hear how it went.

The workers do the same without being asked; what a sweep leaves over is theirs.
"""

import time
from dataclasses import dataclass, field, replace
from datetime import timedelta

from core.accounts.refresh import WORK
from core.accounts.renewal import REVOKED, Job, Refused, Sealed
from core.engine.kinds import Work
from core.engine.work import run
from core.outcomes import Again, Failure, Held, Later
from core.wiring import World
from db.accounts import Account
from db.session import Database, Session

LAST_CALL = timedelta(seconds=30)
"""No batch begins later: with its longest calls a sweep still ends within a minute."""

BATCH = 8


@dataclass(frozen=True)
class Fault:
    account_id: int
    provider: str
    code: str


@dataclass
class Swept:
    refreshed: int = 0
    skipped: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.refreshed + self.skipped + len(self.faults)


def sweep(database: Database, world: World) -> Swept:
    """At most `REFRESH_BATCH` accounts and `LAST_CALL` plus one batch of time."""
    swept, started = Swept(), time.monotonic()
    work = noting(swept)
    while (left := world.settings.limits.refresh_batch - swept.total) > 0:
        share = replace(work, batch=min(BATCH, left))
        sweeps = swept.total == 0 and left > BATCH  # late, there is no time for it
        claimed = run(share, database, world, sweeps=sweeps).claimed
        if not claimed or time.monotonic() - started > LAST_CALL.total_seconds():
            break
    return swept


def noting(swept: Swept) -> Work[Account, Job, Sealed | Refused]:
    """The usual work, with an eye on how each of its accounts ended."""

    def record(session: Session, account: Account, outcome: Sealed | Refused) -> Again | Failure:
        again = WORK.record(session, account, outcome)
        if isinstance(outcome, Refused):
            swept.faults.append(Fault(account.id, account.provider, outcome.code))
        else:
            swept.refreshed += 1
        return again

    def put_back(session: Session, account: Account, why: Failure | Later) -> None:
        WORK.put_back(session, account, why)
        if isinstance(why, Held):
            code = account.status_cause or REVOKED
            swept.faults.append(Fault(account.id, account.provider, code))
        elif isinstance(why, Failure):
            swept.faults.append(Fault(account.id, account.provider, why.code))
        else:
            swept.skipped += 1

    def give_up(session: Session, account: Account, failure: Failure) -> None:
        WORK.give_up(session, account, failure)
        swept.faults.append(Fault(account.id, account.provider, failure.code))

    return replace(WORK, record=record, put_back=put_back, give_up=give_up)
