"""`JobType`, the base class of each kind of due work, and the values that a run passes on."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from core.backoff import RetryPolicy
from core.bootstrap import Services
from core.outcomes import (
    IMMEDIATELY,
    Failure,
    Reschedule,
    RowOutcome,
    Snooze,
    StaleLease,
)
from db.leases import JobQueue, LeasedRow, Row
from db.session import Session

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


class JobType(ABC, Generic[Row, Job, Outcome]):
    """One kind of due work: its settings, and what is done with its rows.

    `prepare` turns a claimed row into a frozen job, `execute` makes the network calls without a
    transaction, `record` writes effect and state in one transaction, and only if the row still
    carries the lease token it was claimed with.

    Time budget: ceil(batch_size / pool_size) x longest call < soft time limit < lease.
    """

    kind: str  # also the name of its Celery queue, unless beat starts its task (`pictures`)
    queue: JobQueue[Row]
    retry_policy: RetryPolicy
    lease: timedelta
    batch_size: int
    pool_size: int = 1  # threads that execute the jobs of one batch
    log_attempts: bool = True  # one row in the table `attempts` for each claimed row

    @abstractmethod
    def prepare(self, session: Session, row: Row) -> Job:
        """Read what `execute` needs. What it wrote before raising Snooze is kept."""

    @abstractmethod
    def execute(self, job: Job, services: Services) -> Outcome:
        """Make the calls. Runs in several threads, so it uses nothing but its arguments."""

    @abstractmethod
    def record(self, session: Session, row: Row, outcome: Outcome) -> Reschedule | Failure:
        """Write the effect; return when the row is due next, or why it failed. May raise Snooze."""

    def describe_row(self, _row: Row) -> Mapping[str, Any]:
        """The ids that each log line about a row has. Default: none.

        Without a `correlation_id` the lines have that of the run.
        """
        return {}

    def preload(self, _session: Session, _rows: Sequence[Row]) -> object:
        """Read in one query what `prepare` needs for a batch. Default: nothing.

        The result is referenced until the batch is prepared, so that the session keeps its rows.
        """
        return None

    def record_many(
        self, session: Session, outcomes: Sequence[tuple[Row, Outcome]]
    ) -> Sequence[RowOutcome]:
        """Record a batch; the results are in the order of `outcomes`. Default: row by row."""
        return [self.record_or_snooze(session, row, outcome) for row, outcome in outcomes]

    def record_or_snooze(self, session: Session, row: Row, outcome: Outcome) -> RowOutcome:
        """Record one row. What `record` wrote before raising Snooze is kept."""
        try:
            return self.record(session, row, outcome)
        except Snooze as snooze:
            return snooze

    def on_retry(self, session: Session, row: Row, cause: Failure | Snooze) -> None:
        """Undo what must not remain after an attempt without success. Default: nothing."""

    def on_exhausted(self, session: Session, row: Row, failure: Failure) -> None:
        """End a row that is not tried again. Default: nothing, its `last_error` is enough."""

    # How rows are claimed, locked and released. `LightweightJobType` does it with fewer statements.

    calls_network: bool = True
    releases_recorded_rows: bool = False  # whether `record_many` itself releases finished rows

    @property
    def expired_limit(self) -> int:
        """How many rows with an expired lease one run claims, each in a separate batch."""
        return 1

    def claim_rows(
        self, session: Session, *, limit: int, expired: bool, row_id: int | None
    ) -> list[Row]:
        return self.queue.claim(
            session, limit=limit, lease=self.lease, expired=expired, row_id=row_id
        )

    def prepare_savepoint(self, session: Session) -> AbstractContextManager[object]:
        return session.begin_nested()

    def lock_for_record(self, session: Session, tokens: Mapping[int, int]) -> Mapping[int, Any]:
        """Lock the rows that `record_many` gets, as far as they still carry their tokens."""
        return self.queue.lock_leased(session, tokens)

    def lock_unfinished(
        self, _session: Session, _tokens: Mapping[int, int], locked: Mapping[int, Any]
    ) -> Mapping[int, Row]:
        """Lock the rows that `record_many` did not finish; by default they are locked already."""
        return locked


class LightweightJobType(JobType[Row, Job, Outcome]):
    """A kind with many small rows and no network calls, claimed by the hundred.

    `prepare` gets a read-only copy of the row and must not use its session. `record_many` gets a
    `LeasedRow` for each row, which is not locked, and releases the rows it has finished with one
    statement. That is the fence: it raises if one of them does not carry its lease token any more.
    """

    calls_network = False
    releases_recorded_rows = True

    @property
    def expired_limit(self) -> int:
        return self.batch_size

    def claim_rows(
        self, session: Session, *, limit: int, expired: bool, row_id: int | None
    ) -> list[Row]:
        return self.queue.claim_copies(
            session, limit=limit, lease=self.lease, expired=expired, row_id=row_id
        )

    def prepare_savepoint(self, _session: Session) -> AbstractContextManager[object]:
        return nullcontext()

    def lock_for_record(self, _session: Session, tokens: Mapping[int, int]) -> Mapping[int, Any]:
        return {row_id: LeasedRow(row_id, token) for row_id, token in tokens.items()}

    def lock_unfinished(
        self, session: Session, tokens: Mapping[int, int], _locked: Mapping[int, Any]
    ) -> Mapping[int, Row]:
        return self.queue.lock_leased(session, tokens)


@dataclass
class RunReport:
    """What a run did, in rows."""

    claimed: int = 0
    recorded: int = 0
    due_immediately: int = 0  # of the recorded ones
    failed: int = 0
    stale_leases: int = 0

    def count(self, outcome: RowOutcome | StaleLease) -> None:
        if isinstance(outcome, Reschedule):
            self.recorded += 1
            if outcome.after == IMMEDIATELY:
                self.due_immediately += 1
        elif isinstance(outcome, Failure):
            self.failed += 1
        elif isinstance(outcome, StaleLease):
            self.stale_leases += 1

    def add(self, other: "RunReport") -> None:
        self.claimed += other.claimed
        self.recorded += other.recorded
        self.due_immediately += other.due_immediately
        self.failed += other.failed
        self.stale_leases += other.stale_leases


@dataclass(frozen=True)
class Claim(Generic[Job]):
    """A claimed row: its lease token, and the job to execute or the reason why there is none."""

    id: int
    lease_token: int
    attempt: int
    due_at: datetime | None  # at the claim; a due time that somebody else set meanwhile is kept
    attempt_id: int | None
    job: Job | Failure | Snooze
    log_fields: Mapping[str, Any] = field(default_factory=dict)  # of each log line about the row
    trace_parent: str | None = None  # the span that the row came from


ClaimResult = tuple[Claim[Job], Outcome | Failure | Snooze]
"""A claim, and the outcome of its job or the reason why there is none."""
