"""The sandbox's clock: the wall clock plus the time that was fast-forwarded."""

import time

HOUR_SECONDS = 3_600.0
DAY_SECONDS = 24 * HOUR_SECONDS


class Clock:
    """A clock that tests can advance; it never goes backwards."""

    def __init__(self) -> None:
        self._offset = 0.0

    @property
    def time(self) -> float:
        """Seconds since 1970 in the sandbox; lifetimes, rate windows and delays use this time."""
        return self.wall_time + self._offset

    @property
    def wall_time(self) -> float:
        """Seconds since 1970 outside the sandbox; signatures use this time, as receivers do."""
        return time.time()

    @property
    def offset(self) -> float:
        return self._offset

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the clock can only be advanced: seconds must not be negative")
        self._offset += seconds
