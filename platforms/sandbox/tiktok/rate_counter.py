"""Counts calls per token and endpoint in a sliding window of one minute."""

from collections import defaultdict, deque

WINDOW_SECONDS = 60.0


class RateCounter:
    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def allow(self, token: str, endpoint: str, *, limit: int, now: float) -> bool:
        """Return whether the call is within the limit, and count it if it is."""
        calls = self._calls[token, endpoint]
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= limit:
            return False
        calls.append(now)
        return True
