"""Values that this process keeps for a short time, so that it asks for them less often."""

import time
from collections.abc import Callable, Hashable
from datetime import timedelta
from threading import Lock
from typing import Any

MAX_VALUES = 10_000  # the oldest are dropped first


class TimedValues:
    """Shared by threads. Two that miss a value at the same time both ask for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._values: dict[Hashable, tuple[float, Any]] = {}
        self._lock = Lock()

    def get(self, key: Hashable) -> Any | None:
        """Return the value; None if there is none any more."""
        with self._lock:
            ends_at, value = self._values.get(key, (0.0, None))
            return value if self._clock() < ends_at else None

    def add(self, key: Hashable, value: Any, *, lifetime: timedelta) -> None:
        with self._lock:
            self._values.pop(key, None)  # a value that is renewed is the newest again
            self._values[key] = (self._clock() + lifetime.total_seconds(), value)
            while len(self._values) > MAX_VALUES:
                del self._values[next(iter(self._values))]
