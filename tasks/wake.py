"""Send wake-ups: Celery messages that say that work of a kind is due.

A lost wake-up costs a second, because a worker looks for due rows each second; a caller that hangs
costs a request. So publishing takes at most `PUBLISH_TIMEOUT`, and after a failure nothing is
published for `FAILURE_PAUSE`.
"""

import time
from collections.abc import Callable
from threading import Lock, Thread, Timer

import structlog

from core.observability.tracing import record_span
from tasks.celery import app
from tasks.queues import KINDS_STARTED_BY_BEAT, MESSAGE_EXPIRY, WAKE_TASKS

PUBLISH_TIMEOUT = 0.8  # seconds
FAILURE_PAUSE = 5.0  # seconds
DEBOUNCE_WINDOW = 0.05  # seconds after a wake-up in which further ones of its kind become one

log = structlog.get_logger(__name__)


class WakeUpSender:
    """Publishes wake-ups, and combines those of one kind that follow each other quickly."""

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
        """Publish now; return whether the broker accepted it. Never raises.

        `force` publishes within the debounce window too, but not within the pause after a failure.
        Units: takes `PUBLISH_TIMEOUT` at most.
        """
        if not self._should_publish(kind, force=force):
            return False
        with record_span(f"wake {kind}"):
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
        """Publish once more at the end of the window: a worker woken by the first message may have
        looked before the row of this wake-up was committed.
        """
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
        """Publish in a separate thread: socket timeouts limit single steps, not the whole call."""
        published: list[str] = []
        thread = Thread(
            target=self._publish_in_thread,
            args=(kind, published),
            name="wake-up-sender",
            daemon=True,
        )
        thread.start()
        thread.join(PUBLISH_TIMEOUT)
        return bool(published)

    def _publish_in_thread(self, kind: str, published: list[str]) -> None:
        try:
            self._publish(kind)
            published.append(kind)
        except Exception as error:  # noqa: BLE001 - whatever happened, the row is still due
            log.warning("wake.publish_error", kind=kind, error=type(error).__name__)


def publish_wake(kind: str) -> None:
    """Send the message. Blocks and raises as the transport does."""
    app.send_task(WAKE_TASKS[kind], queue=kind, expires=MESSAGE_EXPIRY)


_wake_up_sender = WakeUpSender(publish_wake)


def wake(kind: str) -> None:
    """Wake a worker for work of this kind. Call it after the commit, never before.

    A kind that only beat starts needs no message. To send one would fail, and the pause after a
    failure concerns all kinds.
    """
    if kind not in KINDS_STARTED_BY_BEAT:
        _wake_up_sender.wake(kind)
