"""The one place that publishes: says that a kind of work is due. Must never hold up its caller.

A lost bell costs a second, because beat rings too; a caller that hangs costs a request. So the
broker gets `PATIENCE`, and after a failure a `REST` in which nobody asks it anything.
"""

import time
from collections.abc import Callable
from threading import Lock, Thread, Timer

import structlog

from tasks.celery import app
from tasks.queues import MESSAGE_EXPIRY, WAKE_TASKS

PUBLISH_TIMEOUT = 0.8  # seconds a caller waits at most
FAILURE_PAUSE = 5.0  # seconds without a try after a failure
DEBOUNCE_WINDOW = 0.05  # seconds in which further rings of the same kind become one, at their end

log = structlog.get_logger(__name__)


class Notifier:
    """Rings through `publish`, remembering what this process has just rung."""

    def __init__(
        self, publish: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._publish = publish
        self._clock = clock
        self._lock = Lock()
        self._debounced_until: dict[str, float] = {}
        self._trailing_kinds: set[str] = set()
        self._paused_until = 0.0

    def wake(self, kind: str, *, force: bool = False) -> bool:
        """True if the broker took it now. Never raises, never takes longer than `PATIENCE`.

        `force` rings although the same kind was rung a moment ago; it does not wake the broker
        from its rest.
        """
        if not self._should_publish(kind, force=force):
            return False
        was_published = self._publish_with_timeout(kind)
        if not was_published:
            self._paused_until = self._clock() + FAILURE_PAUSE
            log.warning("wake.failed", kind=kind)
        return was_published

    def _should_publish(self, kind: str, *, force: bool) -> bool:
        now = self._clock()
        with self._lock:
            if now < self._paused_until:
                return False
            if now < self._debounced_until.get(kind, 0.0) and not force:
                self._schedule_trailing_wake(kind)
                return False
            self._debounced_until[kind] = now + DEBOUNCE_WINDOW
            return True

    def _schedule_trailing_wake(self, kind: str) -> None:
        """Ring once at the end: the row behind this echo may be too late for the first ring."""
        if kind in self._trailing_kinds:
            return
        self._trailing_kinds.add(kind)
        timer = Timer(DEBOUNCE_WINDOW, self._send_trailing_wake, args=(kind,))
        timer.daemon = True
        timer.start()

    def _send_trailing_wake(self, kind: str) -> None:
        with self._lock:
            self._trailing_kinds.discard(kind)
        self.wake(kind, force=True)

    def _publish_with_timeout(self, kind: str) -> bool:
        """In a thread of its own: no set of socket timeouts bounds a publish as a whole."""
        published: list[str] = []
        thread = Thread(
            target=self._publish_in_thread, args=(kind, published), name="notifier", daemon=True
        )
        thread.start()
        thread.join(PUBLISH_TIMEOUT)
        return bool(published)

    def _publish_in_thread(self, kind: str, published: list[str]) -> None:
        try:
            self._publish(kind)
            published.append(kind)
        except Exception as error:
            log.warning("wake.publish_error", kind=kind, error=type(error).__name__)


def publish_wake(kind: str) -> None:
    """Blocks as long as the transport lets it; raises what the transport raises."""
    app.send_task(WAKE_TASKS[kind], queue=kind, expires=MESSAGE_EXPIRY)


_notifier = Notifier(publish_wake)


def wake(kind: str) -> None:
    """Say that work of this kind is due: after the commit, never before."""
    _notifier.wake(kind)
