"""What the queues hold: due rows in Postgres, not messages in the broker, and who works on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.health.readiness import OVERDUE_LIMIT, QUEUES
from core.health.workers import SILENCE_LIMIT, WorkerStatus, list_workers
from db.leases import HeldRows, JobQueue
from db.ops.heartbeats import Heartbeat, Heartbeats
from db.session import Session, database_now

CANARY_PREFIX = "canary:"
HOUSEKEEPING_QUEUE = "housekeeping"  # has no rows: beat sends its tasks
QUEUE_NAMES = (*QUEUES, HOUSEKEEPING_QUEUE)
MAX_COUNTED_ROWS = 10_000  # counting stops here


class QueueState(StrEnum):
    MOVING = "moving"
    BEHIND = "behind"  # work has waited for longer than it should
    SILENT = "silent"  # no worker has answered lately
    UNKNOWN = "unknown"  # no worker has ever answered


@dataclass(frozen=True)
class QueueStatus:
    """`due` are rows that wait for a worker, `held` those that one has leased.

    Both stop at MAX_COUNTED_ROWS. The queue of housekeeping has no rows.
    """

    name: str
    state: QueueState
    due: int | None = None
    oldest_due_at: datetime | None = None
    canary_age: timedelta | None = None
    leased: HeldRows | None = None

    @property
    def held(self) -> int | None:
        return None if self.leased is None else self.leased.number


@dataclass(frozen=True)
class QueueOverview:
    queues: Sequence[QueueStatus]
    workers: Sequence[WorkerStatus]
    read_at: datetime


def read_queues(session: Session) -> QueueOverview:
    """Read the state of all queues and workers, by the database's clock."""
    now = database_now(session)
    heartbeats = {each.name: each for each in Heartbeats(session).list_all()}
    queues = [
        read_queue(session, name, heartbeats.get(CANARY_PREFIX + name), now) for name in QUEUE_NAMES
    ]
    held = {each.name: each.leased for each in queues if each.leased and each.leased.number}
    return QueueOverview(queues, list_workers(heartbeats.values(), held, now), now)


def read_queue(session: Session, name: str, canary: Heartbeat | None, now: datetime) -> QueueStatus:
    canary_age = None if canary is None else max(now - canary.at, timedelta(0))
    queue: JobQueue | None = QUEUES.get(name)  # type: ignore[type-arg]  # rows of any table
    if queue is None:
        return QueueStatus(name, judge_queue(canary_age, None), canary_age=canary_age)
    oldest_due_at = queue.oldest_due_at(session)
    return QueueStatus(
        name=name,
        state=judge_queue(canary_age, None if oldest_due_at is None else now - oldest_due_at),
        due=0 if oldest_due_at is None else queue.count_due(session, limit=MAX_COUNTED_ROWS),
        leased=queue.summarize_held(session, limit=MAX_COUNTED_ROWS),
        oldest_due_at=oldest_due_at,
        canary_age=canary_age,
    )


def judge_queue(canary_age: timedelta | None, waited: timedelta | None) -> QueueState:
    """Judge a queue by its last canary and by how long its oldest row has waited."""
    if canary_age is not None and canary_age > SILENCE_LIMIT:
        return QueueState.SILENT
    if waited is not None and waited > OVERDUE_LIMIT:
        return QueueState.BEHIND
    return QueueState.UNKNOWN if canary_age is None else QueueState.MOVING
