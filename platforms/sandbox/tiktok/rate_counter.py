"""Calls counted in sliding minutes. The caller brings the time. Knows no endpoint's limit."""

from collections import defaultdict, deque

WINDOW_SECONDS = 60.0  # seconds


class RateCounter:
    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def allow(self, token: str, endpoint: str, *, limit: int, now: float) -> bool:
        """Counts the call if it is within the limit; a refused one does not count."""
        calls = self._calls[token, endpoint]
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= limit:
            return False
        calls.append(now)
        return True
