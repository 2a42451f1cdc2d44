"""The log of requests to the sandbox, for assertions: ids and results, no tokens or bodies."""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from platforms.sandbox.clock import Clock

ENTRY_KEY = "sandbox.entry"  # the key of a request's entry in its WSGI environ


@dataclass
class LogEntry:
    """One request; `status` is None if no response was sent, `work` is whether it took effect."""

    id: int
    endpoint: str
    at: float
    status: int | None = None
    fault: str | None = None
    work: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def update(self, *, work: bool | None = None, **facts: Any) -> None:
        self.work = self.work if work is None else work
        self.facts |= facts


class SandboxLog:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[LogEntry] = []
        self._lock = threading.Lock()

    def add(self, endpoint: str) -> LogEntry:
        with self._lock:
            entry = LogEntry(len(self._entries) + 1, endpoint, self._clock.time)
            self._entries.append(entry)
            return entry

    def as_dicts(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """Return the entries of an endpoint, or all, oldest first."""
        with self._lock:
            entries = [entry for entry in self._entries if endpoint in {None, entry.endpoint}]
        return [entry_dict(entry) for entry in entries]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def entry_dict(entry: LogEntry) -> dict[str, Any]:
    fields = asdict(entry)
    facts: dict[str, Any] = fields.pop("facts")
    return facts | fields
