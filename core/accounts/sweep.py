"""Every refresh that is due, right now, for somebody who waits to hear how it went."""

from dataclasses import dataclass, field

from core.accounts.refresh import WORK
from core.accounts.renewal import REVOKED, Refused, Sealed
from core.engine import sweep as engine
from core.outcomes import Failure, Held, Later
from core.wiring import World
from db.accounts import Account
from db.session import Database


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

    def told(self, account: Account, ended: Sealed | Refused | Failure | Later) -> None:
        if isinstance(ended, Held):
            self.fault(account, account.status_cause or REVOKED)
        elif isinstance(ended, Refused | Failure):
            self.fault(account, ended.code)
        elif isinstance(ended, Later):
            self.skipped += 1
        else:
            self.refreshed += 1

    def fault(self, account: Account, code: str) -> None:
        self.faults.append(Fault(account.id, account.provider, code))


def sweep(database: Database, world: World) -> Swept:
    """At most `REFRESH_BATCH` accounts, within a minute."""
    swept, most = Swept(), world.settings.limits.refresh_batch
    engine.sweep(WORK, database, world, left=lambda: most - swept.total, told=swept.told)
    return swept
