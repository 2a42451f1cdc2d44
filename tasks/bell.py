"""The one place that publishes: says that a kind of work is due. Must never hold up its caller.

A lost bell costs a second, because beat rings too; a caller that hangs costs a request. So the
broker gets `PATIENCE`, and after a failure a `REST` in which nobody asks it anything.
"""

import time
from collections.abc import Callable
from threading import Lock, Thread, Timer

import structlog

from tasks.celery import app
from tasks.queues import EXPIRES, WAKES

PATIENCE = 0.8  # seconds a caller waits at most
REST = 5.0  # seconds without a try after a failure
ECHO = 0.05  # seconds in which further rings of the same kind become one, at their end

log = structlog.get_logger(__name__)


class Bell:
    """Rings through `publish`, remembering what this process has just rung."""

    def __init__(
        self, publish: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._publish = publish
        self._clock = clock
        self._lock = Lock()
        self._quiet_until: dict[str, float] = {}
        self._owed: set[str] = set()
        self._resting_until = 0.0

    def ring(self, kind: str, *, force: bool = False) -> bool:
        """True if the broker took it now. Never raises, never takes longer than `PATIENCE`.

        `force` rings although the same kind was rung a moment ago; it does not wake the broker
        from its rest.
        """
        if not self._wanted(kind, force=force):
            return False
        rung = self._try(kind)
        if not rung:
            self._resting_until = self._clock() + REST
            log.warning("bell.failed", kind=kind)
        return rung

    def _wanted(self, kind: str, *, force: bool) -> bool:
        now = self._clock()
        with self._lock:
            if now < self._resting_until:
                return False
            if now < self._quiet_until.get(kind, 0.0) and not force:
                self._owe(kind)
                return False
            self._quiet_until[kind] = now + ECHO
            return True

    def _owe(self, kind: str) -> None:
        """Ring once at the end: the row behind this echo may be too late for the first ring."""
        if kind in self._owed:
            return
        self._owed.add(kind)
        timer = Timer(ECHO, self._pay, args=(kind,))
        timer.daemon = True
        timer.start()

    def _pay(self, kind: str) -> None:
        with self._lock:
            self._owed.discard(kind)
        self.ring(kind, force=True)

    def _try(self, kind: str) -> bool:
        """In a thread of its own: no set of socket timeouts bounds a publish as a whole."""
        taken: list[str] = []
        thread = Thread(target=self._send, args=(kind, taken), name="bell", daemon=True)
        thread.start()
        thread.join(PATIENCE)
        return bool(taken)

    def _send(self, kind: str, taken: list[str]) -> None:
        try:
            self._publish(kind)
            taken.append(kind)
        except Exception as error:  # noqa: BLE001 - whatever the broker did, the row is still due
            log.warning("bell.refused", kind=kind, error=type(error).__name__)


def publish(kind: str) -> None:
    """Blocks as long as the transport lets it; raises what the transport raises."""
    app.send_task(WAKES[kind], queue=kind, expires=EXPIRES)


_bell = Bell(publish)


def ring(kind: str) -> None:
    """Say that work of this kind is due: after the commit, never before."""
    _bell.ring(kind)
