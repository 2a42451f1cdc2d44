"""The workers: when each was last seen, which queues it serves, and which leased rows it holds.

A lease does not name its worker. Who serves a queue, and who ran its work at the last sign of life,
says whose leases they are; if several did, they are shared.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.leases import HeldRows
from db.ops.heartbeats import QUEUES_PREFIX, RUN_PREFIX, Heartbeat

WORKER_PREFIX = "alive:"
SILENCE_LIMIT = timedelta(seconds=22)
"""A canary is sent to each queue every ten seconds: older than this, two were not received. The
alert `worker_silent` waits longer; who looks at a page wants to see it at once."""

MAX_WORKER_SILENCE = timedelta(days=1)  # a worker that was silent for longer is not listed


@dataclass(frozen=True)
class WorkerHold:
    """Leased rows of a queue that a worker serves, and since when it has been at work on them.

    `running_since` is None if it did not run at its last sign of life.
    """

    queue: str
    rows: HeldRows
    running_since: datetime | None
    is_shared: bool


@dataclass(frozen=True)
class WorkerStatus:
    """A worker by its Celery name, and when it last said that it is alive."""

    name: str
    seen_at: datetime
    age: timedelta
    queues: Sequence[str]
    holds: Sequence[WorkerHold]

    @property
    def is_silent(self) -> bool:
        return self.age > SILENCE_LIMIT


@dataclass(frozen=True)
class WorkerBeats:
    """What workers have recorded: last signs of life, queues, and runs by worker and queue."""

    seen_at: Mapping[str, datetime]
    queues: Mapping[str, Sequence[str]]
    runs: Mapping[tuple[str, str], datetime]

    def find_holders(self, queue: str) -> list[str]:
        """Return the workers whose the leases of a queue may be."""
        serving = [name for name in self.seen_at if queue in self.queues.get(name, ())]
        return [name for name in serving if (name, queue) in self.runs] or serving


def list_workers(
    heartbeats: Iterable[Heartbeat], held: Mapping[str, HeldRows], now: datetime
) -> list[WorkerStatus]:
    """Return the workers by name. `held`: the leased rows of each queue that has some."""
    beats = read_worker_beats(heartbeats, now)
    holders = {queue: beats.find_holders(queue) for queue in held}
    return [
        WorkerStatus(
            name,
            seen_at,
            now - seen_at,
            beats.queues.get(name, ()),
            [
                WorkerHold(queue, rows, beats.runs.get((name, queue)), len(holders[queue]) > 1)
                for queue, rows in held.items()
                if name in holders[queue]
            ],
        )
        for name, seen_at in sorted(beats.seen_at.items())
    ]


def read_worker_beats(heartbeats: Iterable[Heartbeat], now: datetime) -> WorkerBeats:
    recent = sorted(heartbeats, key=lambda each: each.at)  # of two lists of queues the newer counts
    queues = {
        worker: names.split(",")
        for each in recent
        if each.name.startswith(QUEUES_PREFIX)
        for names, worker in [split_beat(each.name, QUEUES_PREFIX)]
    }
    return WorkerBeats(
        seen_at={
            each.name.removeprefix(WORKER_PREFIX): each.at
            for each in recent
            if each.name.startswith(WORKER_PREFIX) and now - each.at < MAX_WORKER_SILENCE
        },
        queues=queues,
        runs={
            (worker, kind): each.at
            for each in recent
            if each.name.startswith(RUN_PREFIX)
            for kind, worker in [split_beat(each.name, RUN_PREFIX)]
        },
    )


def split_beat(name: str, prefix: str) -> tuple[str, str]:
    """Return what stands between the prefix and the worker's name, and that name."""
    subject, _, worker = name.removeprefix(prefix).partition(":")
    return subject, worker
