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

PERIOD = 5.0
"""Seconds between two looks."""

STALE = timedelta(seconds=15)
"""A canary is sent every ten seconds; one that is older than this has not been heard."""

SILENCE = 40.0
"""Seconds of unbroken suspicion. Above 30: that long a worker may wait between two attempts to
reconnect after an outage, while the broker already answers us."""

log = structlog.get_logger(__name__)


class Surroundings(Protocol):
    """What a watchdog asks; each may raise, and then nobody is accused."""

    def age(self, queue: str) -> timedelta | None:
        """How long ago anybody heard this queue's canary; None if nobody ever did."""

    def due(self, queue: str) -> bool:
        """Whether work of this kind waits."""

    def free(self) -> bool:
        """Whether this worker could take one more message."""

    def probe(self, queue: str) -> None:
        """Send a canary; raises unless the broker has taken it."""

    def alive(self) -> None:
        """Note that this process lives."""


@dataclass
class Watchdog:
    queues: Iterable[str]
    around: Surroundings
    silence: float = SILENCE
    clock: Callable[[], float] = time.monotonic
    since: dict[str, float] = field(default_factory=dict)

    def look(self) -> str | None:
        """The queue this worker is deaf to, if there is one. Never raises."""
        try:
            self.around.alive()
            return self._look()
        except Exception as error:  # noqa: BLE001 - whoever does not answer us proves nothing
            log.warning("watchdog.blind", error=type(error).__name__)
            self.since.clear()
            return None

    def _look(self) -> str | None:
        suspects = [queue for queue in self.queues if self._suspicious(queue)]
        for queue in suspects:
            self.around.probe(queue)
        now = self.clock()
        self.since = {queue: self.since.get(queue, now) for queue in suspects}
        return next((queue for queue in suspects if now - self.since[queue] >= self.silence), None)

    def _suspicious(self, queue: str) -> bool:
        age = self.around.age(queue)
        unheard = age is None or age > STALE
        return unheard and self.around.free() and self.around.due(queue)


def guard(
    watchdog: Watchdog,
    *,
    wait: Callable[[float], bool],
    end: Callable[[], None],
    period: float = PERIOD,
) -> None:
    """Look at once, then every `period` until `wait` says that we are stopping."""
    while True:
        queue = watchdog.look()
        if queue is not None:
            log.error("watchdog.deaf", queue=queue, seconds=watchdog.silence)
            end()
            return
        if wait(period):
            return
