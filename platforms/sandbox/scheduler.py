"""A scheduler that runs actions when they are due by the sandbox's clock."""

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

from platforms.sandbox.clock import Clock

log = logging.getLogger(__name__)

Action = Callable[[], object]
MAX_WAIT = 60.0  # seconds


class Scheduler:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Action]] = []
        self._serial = itertools.count()
        self._changed = threading.Condition()
        self._run_lock = threading.RLock()  # actions run one at a time, in whichever thread
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="sandbox-scheduler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def call_later(self, seconds: float, action: Action) -> None:
        with self._changed:
            heapq.heappush(self._due, (self._clock.time + seconds, next(self._serial), action))
            self._changed.notify_all()

    def run_due(self) -> None:
        """Run what is due, in this thread. Do not call it while holding a platform's lock."""
        with self._run_lock:
            while action := self._pop_due():
                try:
                    action()
                except Exception:
                    log.exception("a scheduled action of the sandbox failed")

    def _pop_due(self) -> Action | None:
        with self._changed:
            is_due = bool(self._due) and self._due[0][0] <= self._clock.time
            return heapq.heappop(self._due)[2] if is_due else None

    def _run(self) -> None:
        while not self._is_stopped:
            self.run_due()
            with self._changed:
                if not self._is_stopped:
                    self._changed.wait(self._next_wait())

    def _next_wait(self) -> float:
        wait = self._due[0][0] - self._clock.time if self._due else MAX_WAIT
        return min(max(wait, 0.0), MAX_WAIT)


def run_in_background(action: Action) -> None:
    """Run an action that waits for others in its own thread, so that the scheduler never waits."""
    threading.Thread(target=action, daemon=True).start()
