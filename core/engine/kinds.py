"""What the engine must know of one kind of work. Declarations only: nothing runs here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from core.backoff import Policy
from core.outcomes import NOW, Again, Failure, Fenced, Later
from core.wiring import World
from db.due import Queue, Row
from db.session import Session

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def nothing(_session: Session, _row: object, _why: Failure | Later) -> None:
    """No undoing needed: the default `put_back`."""


def one_by_one(_session: Session, _rows: Sequence[object]) -> object:
    """Each brief asks for itself: the default `gather`."""
    return None


@dataclass(frozen=True)
class Work(Generic[Row, Job, Outcome]):
    """One kind of due work. Budget: ceil(batch / pool) x longest call < soft limit < lease."""

    kind: str
    bell: str
    queue: Queue[Row]
    brief: Callable[[Session, Row], Job]
    perform: Callable[[Job, World], Outcome]
    record: Callable[[Session, Row, Outcome], Again | Failure]
    give_up: Callable[[Session, Row, Failure], None]
    policy: Policy
    lease: timedelta
    batch: int
    pool: int = 1
    put_back: Callable[[Session, Row, Failure | Later], None] = nothing
    gather: Callable[[Session, Sequence[Row]], object] = one_by_one  # what the briefs of a batch
    # will look at, read at once; kept until they have
    together: (
        Callable[[Session, Sequence[tuple[Row, Outcome]]], Sequence[Again | Failure | Later]] | None
    ) = None  # the records of a group in one piece; else they are recorded one after the other
    plain: bool = False  # many small rows, read and not kept: `brief` looks at its own and asks
    # nothing, `perform` calls nobody, and `together` is given a Glimpse of each and releases
    # those it has finished
    ledger: bool = True  # a row in `attempts` for every try


@dataclass
class Report:
    claimed: int = 0
    recorded: int = 0
    soon: int = 0  # of those, how many are due again at once
    failed: int = 0
    fenced: int = 0

    def count(self, ended: Again | Failure | Later | Fenced) -> None:
        self.recorded += isinstance(ended, Again)
        self.soon += isinstance(ended, Again) and ended.after == NOW
        self.failed += isinstance(ended, Failure)
        self.fenced += isinstance(ended, Fenced)

    def add(self, other: "Report") -> None:
        self.claimed += other.claimed
        self.recorded += other.recorded
        self.soon += other.soon
        self.failed += other.failed
        self.fenced += other.fenced


@dataclass(frozen=True)
class Hand(Generic[Job]):
    """One claimed row on its way: which, under which token, and what is to be done."""

    id: int
    token: int
    attempt: int
    due: datetime | None  # as it was at the claim: whoever changes it meanwhile has rung
    entry: int | None
    job: Job | Failure | Later
