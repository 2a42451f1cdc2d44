"""Finds out that a worker is deaf: alive, connected, with work due, and hearing nothing.

Brokers' clients have such states (a lost ack, a race on reconnecting), and only a restart ends
them. Must never end a worker because the broker or Postgres is down, or because it is busy.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog

CHECK_INTERVAL = 5.0
"""Seconds between two looks."""

MAX_CANARY_AGE = timedelta(seconds=15)
"""A canary is sent every ten seconds; one that is older than this has not been heard."""

STUCK_AFTER = 40.0
"""Seconds of unbroken suspicion. Above 30: that long a worker may wait between two attempts to
reconnect after an outage, while the broker already answers us."""

log = structlog.get_logger(__name__)


class WorkerProbe(Protocol):
    """What a watchdog asks; each may raise, and then nobody is accused."""

    def canary_age(self, queue: str) -> timedelta | None:
        """How long ago anybody heard this queue's canary; None if nobody ever did."""

    def has_due_work(self, queue: str) -> bool:
        """Whether work of this kind waits."""

    def has_free_slot(self) -> bool:
        """Whether this worker could take one more message."""

    def send_canary(self, queue: str) -> None:
        """Send a canary; raises unless the broker has taken it."""

    def record_alive(self) -> None:
        """Note that this process lives."""


@dataclass
class Watchdog:
    queues: Iterable[str]
    probe: WorkerProbe
    stuck_after: float = STUCK_AFTER
    clock: Callable[[], float] = time.monotonic
    suspected_since: dict[str, float] = field(default_factory=dict)

    def find_stuck_queue(self) -> str | None:
        """The queue this worker is deaf to, if there is one. Never raises."""
        try:
            self.probe.record_alive()
            return self._find_stuck_queue()
        except Exception as error:
            log.warning("watchdog.check_failed", error=type(error).__name__)
            self.suspected_since.clear()
            return None

    def _find_stuck_queue(self) -> str | None:
        suspects = [queue for queue in self.queues if self._is_suspect(queue)]
        for queue in suspects:
            self.probe.send_canary(queue)
        now = self.clock()
        self.suspected_since = {queue: self.suspected_since.get(queue, now) for queue in suspects}
        return next(
            (queue for queue in suspects if now - self.suspected_since[queue] >= self.stuck_after),
            None,
        )

    def _is_suspect(self, queue: str) -> bool:
        age = self.probe.canary_age(queue)
        is_overdue = age is None or age > MAX_CANARY_AGE
        return is_overdue and self.probe.has_free_slot() and self.probe.has_due_work(queue)


def run_watchdog(
    watchdog: Watchdog,
    *,
    wait: Callable[[float], bool],
    end: Callable[[], None],
    period: float = CHECK_INTERVAL,
) -> None:
    """Look at once, then every `period` until `wait` says that we are stopping."""
    while True:
        queue = watchdog.find_stuck_queue()
        if queue is not None:
            log.error("watchdog.worker_stuck", queue=queue, seconds=watchdog.stuck_after)
            end()
            return
        if wait(period):
            return
