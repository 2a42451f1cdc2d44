"""What happens later: acts that fall due by the sandbox's clock. Must not know what they do."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

from platforms.sandbox.clock import Clock

log = logging.getLogger(__name__)

Act = Callable[[], object]
LONGEST_NAP = 60.0  # seconds


class Agenda:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Act]] = []
        self._serial = itertools.count()
        self._changed = threading.Condition()
        self._turn = threading.RLock()  # acts run one after another, whoever runs them
        self._over = False
        self._thread = threading.Thread(target=self._attend, name="agenda", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def after(self, seconds: float, act: Act) -> None:
        with self._changed:
            heapq.heappush(self._due, (self._clock.time + seconds, next(self._serial), act))
            self._changed.notify_all()

    def catch_up(self) -> None:
        """Runs what is due, in this thread. Not to be called while holding a platform's lock."""
        with self._turn:
            while act := self._next():
                try:
                    act()
                except Exception:
                    log.exception("an act of the sandbox failed")

    def _next(self) -> Act | None:
        with self._changed:
            is_due = bool(self._due) and self._due[0][0] <= self._clock.time
            return heapq.heappop(self._due)[2] if is_due else None

    def _attend(self) -> None:
        while not self._over:
            self.catch_up()
            with self._changed:
                if not self._over:
                    self._changed.wait(self._nap())

    def _nap(self) -> float:
        pause = self._due[0][0] - self._clock.time if self._due else LONGEST_NAP
        return min(max(pause, 0.0), LONGEST_NAP)


def in_background(act: Act) -> None:
    """For what waits on somebody else: the agenda itself must never wait."""
    threading.Thread(target=act, daemon=True).start()
