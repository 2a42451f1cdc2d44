"""Numbers that are due, right now, for somebody who waits to hear how it went."""

from dataclasses import dataclass, field

from core.engine.sweep import sweep
from core.insights.enrol import enrol
from core.insights.question import Denied
from core.insights.sampling import WORK, Outcome
from core.outcomes import Failure, Later
from core.wiring import World
from db.session import Database
from db.watches import Watch


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

    def told(self, watch: Watch, ended: Outcome | Failure | Later) -> None:
        if isinstance(ended, Denied | Failure):
            self.faults.append(Fault(watch.oauth_account_id, ended.code))
        elif isinstance(ended, Later):
            self.skipped += 1
        else:
            self.answered += 1


def sample(database: Database, world: World) -> Swept:
    """At most `INSIGHTS_BATCH` questions, within a minute."""
    enrol(database, world)
    swept, most = Swept(), world.settings.limits.insights_batch
    sweep(WORK, database, world, left=lambda: most - swept.total, told=swept.told)
    return swept
