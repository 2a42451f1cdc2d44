"""The sandbox's time: the wall clock plus whatever was fast-forwarded. Never runs backwards."""

import time


class Clock:
    def __init__(self) -> None:
        self._offset = 0.0

    @property
    def time(self) -> float:
        """Seconds since 1970 in the sandbox: lifetimes, windows and delays are counted in it."""
        return self.wall_time + self._offset

    @property
    def wall_time(self) -> float:
        """Seconds since 1970 outside: what a receiver's clock shows, so what signatures carry."""
        return time.time()

    @property
    def offset(self) -> float:
        return self._offset

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time runs forward only")
        self._offset += seconds
