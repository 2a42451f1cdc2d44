"""Counts refused deliveries in memory, and writes the counts down some seconds later.

Nobody has proved who sent them, so that anybody can make us refuse as many as they like: a
statement for each would let them load the database. What a process has not written when it is
killed is lost; the metrics count the same.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Any

import structlog

from core.validation import format_utc
from db.session import Database, DatabaseUnavailable
from db.webhooks.refusals import MAX_SAMPLES_PER_DAY, RefusedGroup, WebhookRefusals

WRITE_INTERVAL_SECONDS = 2.0
MAX_SAMPLE_CHARS = 1000  # of a body
RefusalKey = tuple[str, str]  # platform and reason

log = structlog.get_logger(__name__)


class RefusalLog:
    """The refused deliveries of one process. Thread-safe."""

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], datetime],
        interval_seconds: float = WRITE_INTERVAL_SECONDS,
    ) -> None:
        self._database, self._now = database, now
        self._interval_seconds = interval_seconds
        self._lock = Lock()
        self._counts: Counter[RefusalKey] = Counter()
        self._samples: defaultdict[RefusalKey, list[dict[str, Any]]] = defaultdict(list)
        self._thread: Thread | None = None
        self._is_closed = Event()

    def add(self, provider: str, reason: str, body: bytes, *, correlation_id: str) -> None:
        """Count a refused delivery; it is written down within a few seconds."""
        key = (provider, reason)
        with self._lock:
            self._counts[key] += 1
            if len(self._samples[key]) < MAX_SAMPLES_PER_DAY:
                self._samples[key].append(self._build_sample(body, correlation_id))
            # The thread ends when everything is written; one of a process that has forked is dead.
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="webhook-refusals", daemon=True)
                self._thread.start()

    def write(self) -> None:
        """Write what has been counted so far. Errors: DatabaseUnavailable."""
        groups = self._take_groups()
        if groups:
            with self._database.transaction() as session:
                for group in groups:
                    WebhookRefusals(session).add(group)

    def close(self) -> None:
        """Write what has been counted, now."""
        self._is_closed.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        has_more = True
        while has_more:
            self._is_closed.wait(self._interval_seconds)
            try:
                self.write()
            except DatabaseUnavailable as unavailable:
                log.warning("webhook_refusals.not_written", error=str(unavailable))
            with self._lock:
                has_more = bool(self._counts)
                if not has_more:
                    self._thread = None

    def _take_groups(self) -> list[RefusedGroup]:
        """Return what was counted, in one order for all processes, so that none deadlock."""
        with self._lock:
            groups = [
                RefusedGroup(*key, count, tuple(self._samples[key]))
                for key, count in sorted(self._counts.items())
            ]
            self._counts.clear()
            self._samples.clear()
        return groups

    def _build_sample(self, body: bytes, correlation_id: str) -> dict[str, Any]:
        start = body[: 4 * MAX_SAMPLE_CHARS].decode("utf-8", "replace")[:MAX_SAMPLE_CHARS]
        return {
            "at": format_utc(self._now()),
            "correlationId": correlation_id,
            "bytes": len(body),
            "body": start.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        }
