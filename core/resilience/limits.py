"""How often we may do something: platforms' limits per account, and our own API's per caller.

Asking a platform's limit never fails: while Redis is away a slow rate of our own holds, not an open
gate. Our API's limits do fail, with `SharedAway`, so that each route decides whether to let pass.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from threading import Lock

from core.config.figures import MINUTE, Figures
from core.config.formats import Rate
from core.resilience.shared import Shared, SharedAway
from core.resilience.window import Hit, Window
from core.watch import metrics

SHARE = 6  # of a budget, one part is what each process allows itself while Redis is away
MANY = 10_000  # keys remembered locally before those that are over are forgotten


def platform_rates(figures: Figures) -> dict[str, Rate]:
    """Class of endpoint → what the platform allows per account and minute."""
    return {
        "init": Rate(figures.tiktok_init_per_minute, MINUTE),
        "status": Rate(figures.tiktok_status_per_minute, MINUTE),
        "creator": Rate(figures.tiktok_creator_per_minute, MINUTE),
        "reads": Rate(figures.tiktok_reads_per_minute, MINUTE),
    }


class Limits:
    def __init__(
        self,
        shared: Shared,
        rates: Mapping[str, Rate],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window, self._rates, self._slow = Window(shared), rates, Slow(clock)

    def take(self, account_id: int, endpoint_class: str) -> timedelta | None:
        """None: go, and it is counted, whatever becomes of the call. Else how long to wait."""
        key, rate = f"platform:{account_id}:{endpoint_class}", self._rates[endpoint_class]
        try:
            wait = self._window.take(key, [rate]).wait or None
        except SharedAway:
            metrics.LIMITER_AWAY.labels("platform").inc()
            wait = self._slow.take(key, SHARE * rate.window / rate.limit)
        if wait is not None:
            metrics.RATE_LIMIT_HITS.labels("platform", endpoint_class).inc()
        return wait

    def block(self, account_id: int, endpoint_class: str, retry_after: timedelta) -> None:
        """The platform itself said no: nothing before `retry_after`, or for one slot."""
        key, rate = f"platform:{account_id}:{endpoint_class}", self._rates[endpoint_class]
        wait = retry_after or rate.window / rate.limit
        self._slow.block(key, wait)
        try:
            self._window.block(key, wait)
        except SharedAway:
            return  # this process remembers by itself; the others will be told no as well

    def hit(self, key: str, limit: int, window: timedelta) -> Hit:
        """One use of our own API. Errors: SharedAway."""
        return self.hits(key, [Rate(limit, window)])

    def hits(self, key: str, rates: Sequence[Rate]) -> Hit:
        """One use under several limits that hold at once. Errors: SharedAway."""
        return self._window.take(f"api:{key}", rates)


class Slow:
    """One use per interval in this process: what is left of a limit that cannot be asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock, self._free_at = clock, Lock(), dict[str, float]()

    def take(self, key: str, interval: timedelta) -> timedelta | None:
        now = self._clock()
        with self._lock:
            left = self._free_at.get(key, now) - now
            if left > 0:
                return timedelta(seconds=left)
            self._set(key, now + interval.total_seconds(), now)
            return None

    def block(self, key: str, wait: timedelta) -> None:
        now = self._clock()
        with self._lock:
            later = max(self._free_at.get(key, now), now + wait.total_seconds())
            self._set(key, later, now)

    def _set(self, key: str, free_at: float, now: float) -> None:
        if len(self._free_at) >= MANY:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}
        self._free_at[key] = free_at
