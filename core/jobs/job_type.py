"""What the engine must know of one kind of work. Declarations only: nothing runs here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from core.backoff import RetryPolicy
from core.bootstrap import Services
from core.outcomes import IMMEDIATELY, Failure, Reschedule, Snooze, StaleLease
from db.leases import JobQueue, Row
from db.session import Session

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def no_retry_hook(_session: Session, _row: object, _reason: Failure | Snooze) -> None:
    """No undoing needed: the default `put_back`."""


def preload_nothing(_session: Session, _rows: Sequence[object]) -> object:
    """Each brief asks for itself: the default `gather`."""
    return None


@dataclass(frozen=True)
class JobType(Generic[Row, Job, Outcome]):
    """One kind of due work. Budget: ceil(batch / pool) x longest call < soft limit < lease."""

    kind: str
    wake_kind: str
    queue: JobQueue[Row]
    prepare: Callable[[Session, Row], Job]
    execute: Callable[[Job, Services], Outcome]
    record: Callable[[Session, Row, Outcome], Reschedule | Failure]
    on_exhausted: Callable[[Session, Row, Failure], None]
    policy: RetryPolicy
    lease: timedelta
    batch_size: int
    pool_size: int = 1
    on_retry: Callable[[Session, Row, Failure | Snooze], None] = no_retry_hook
    preload: Callable[[Session, Sequence[Row]], object] = (
        preload_nothing  # what the briefs of a batch
    )
    # will look at, read at once; kept until they have
    record_many: (
        Callable[[Session, Sequence[tuple[Row, Outcome]]], Sequence[Reschedule | Failure | Snooze]]
        | None
    ) = None  # the records of a group in one piece; else they are recorded one after the other
    lightweight: bool = (
        False  # many small rows, read and not kept: `brief` looks at its own and asks
    )
    # nothing, `perform` calls nobody, and `together` is given a Glimpse of each and releases
    # those it has finished
    log_attempts: bool = True  # a row in `attempts` for every try


@dataclass
class RunReport:
    claimed: int = 0
    recorded: int = 0
    due_immediately: int = 0  # of those, how many are due again at once
    failed: int = 0
    stale_leases: int = 0

    def count(self, outcome: Reschedule | Failure | Snooze | StaleLease) -> None:
        self.recorded += isinstance(outcome, Reschedule)
        self.due_immediately += isinstance(outcome, Reschedule) and outcome.after == IMMEDIATELY
        self.failed += isinstance(outcome, Failure)
        self.stale_leases += isinstance(outcome, StaleLease)

    def add(self, other: "RunReport") -> None:
        self.claimed += other.claimed
        self.recorded += other.recorded
        self.due_immediately += other.due_immediately
        self.failed += other.failed
        self.stale_leases += other.stale_leases


@dataclass(frozen=True)
class Claim(Generic[Job]):
    """One claimed row on its way: which, under which token, and what is to be done."""

    id: int
    lease_token: int
    attempt: int
    due_at: datetime | None  # as it was at the claim: whoever changes it meanwhile has rung
    attempt_id: int | None
    job: Job | Failure | Snooze
