"""A watchdog that stops a worker which is connected and has work due, but receives no messages.

Broker clients have such states (a lost ack, a race on reconnecting), and only a restart ends them.
A worker is never stopped because it is busy, or because the broker or Postgres is down.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog

CHECK_INTERVAL = 5.0
"""Seconds between two checks."""

MAX_CANARY_AGE = timedelta(seconds=15)
"""A canary is sent every ten seconds; an older one means that a newer one was not received."""

STUCK_AFTER = 40.0
"""Seconds for which every check must find the worker suspect. Above 30: a worker may wait that long
between two attempts to reconnect after an outage, while the broker already accepts our canary."""

log = structlog.get_logger(__name__)


class WorkerProbe(Protocol):
    """What the watchdog needs from its worker. If a method raises, the check proves nothing."""

    def canary_age(self, queue: str) -> timedelta | None:
        """How long ago a canary of this queue was received; None if that never happened."""

    def has_due_work(self, queue: str) -> bool:
        """Whether work for this queue is due."""

    def has_free_process(self) -> bool:
        """Whether this worker could execute one more message."""

    def send_canary(self, queue: str) -> None:
        """Send a canary; raises unless the broker has accepted it."""

    def record_alive(self) -> None:
        """Record that this process is alive."""


@dataclass
class Watchdog:
    """Checks the queues of one worker; a queue that stays suspect for `stuck_after` is stuck.

    Units: `stuck_after` in seconds, `suspected_since` by `clock`.
    """

    queues: Iterable[str]
    probe: WorkerProbe
    stuck_after: float = STUCK_AFTER
    clock: Callable[[], float] = time.monotonic
    suspected_since: dict[str, float] = field(default_factory=dict)

    def find_stuck_queue(self) -> str | None:
        """Find a queue from which this worker receives nothing, if there is one. Never raises."""
        try:
            self.probe.record_alive()
            return self._find_stuck_queue()
        except Exception as error:  # noqa: BLE001 - a check that fails proves nothing
            log.warning("watchdog.check_failed", error=type(error).__name__)
            self.suspected_since.clear()
            return None

    def _find_stuck_queue(self) -> str | None:
        suspects = [queue for queue in self.queues if self._is_suspect(queue)]
        for queue in suspects:
            self.probe.send_canary(queue)
        now = self.clock()
        self.suspected_since = {queue: self.suspected_since.get(queue, now) for queue in suspects}
        for queue in suspects:
            if now - self.suspected_since[queue] >= self.stuck_after:
                return queue
        return None

    def _is_suspect(self, queue: str) -> bool:
        age = self.probe.canary_age(queue)
        is_overdue = age is None or age > MAX_CANARY_AGE
        return is_overdue and self.probe.has_free_process() and self.probe.has_due_work(queue)


def run_watchdog(
    watchdog: Watchdog,
    *,
    wait_for_shutdown: Callable[[float], bool],
    on_stuck: Callable[[], None],
    period: float = CHECK_INTERVAL,
) -> None:
    """Check now, then every `period` seconds, until the worker shuts down or is stuck.

    `wait_for_shutdown` waits that many seconds and returns whether the worker is shutting down;
    `on_stuck` is called if the worker is stuck.
    """
    while True:
        queue = watchdog.find_stuck_queue()
        if queue is not None:
            log.error("watchdog.worker_stuck", queue=queue, seconds=watchdog.stuck_after)
            on_stuck()
            return
        if wait_for_shutdown(period):
            return
