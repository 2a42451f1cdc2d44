"""How often we may do something: platforms' limits per account, and our own API's per caller.

Asking a platform's limit never fails: while Redis is away a slow rate of our own holds, not an open
gate. Our API's limits do fail, with `SharedAway`, so that each route decides whether to let pass.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from threading import Lock

from core.config.limits import MINUTE, LimitSettings
from core.config.value_types import Rate
from core.limits.redis_client import RedisClient, RedisUnavailable
from core.limits.sliding_window import RateLimitResult, SlidingWindow
from core.observability import metrics

LOCAL_BUDGET_DIVISOR = (
    6  # of a budget, one part is what each process allows itself while Redis is away
)
MAX_LOCAL_KEYS = 10_000  # keys remembered locally before those that are over are forgotten


def platform_rates(limits: LimitSettings) -> dict[str, Rate]:
    """Class of endpoint → what the platform allows per account and minute."""
    return {
        "init": Rate(limits.tiktok_init_per_minute, MINUTE),
        "status": Rate(limits.tiktok_status_per_minute, MINUTE),
        "creator": Rate(limits.tiktok_creator_per_minute, MINUTE),
        "reads": Rate(limits.tiktok_reads_per_minute, MINUTE),
    }


class RateLimits:
    def __init__(
        self,
        redis_client: RedisClient,
        rates: Mapping[str, Rate],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sliding_window, self._rates, self._local_limiter = (
            SlidingWindow(redis_client),
            rates,
            LocalLimiter(clock),
        )

    def acquire(self, account_id: int, endpoint_class: str) -> timedelta | None:
        """None: go, and it is counted, whatever becomes of the call. Else how long to wait."""
        key, rate = f"platform:{account_id}:{endpoint_class}", self._rates[endpoint_class]
        try:
            wait = self._sliding_window.acquire(key, [rate]).wait or None
        except RedisUnavailable:
            metrics.LIMITER_UNAVAILABLE.labels("platform").inc()
            wait = self._local_limiter.acquire(key, LOCAL_BUDGET_DIVISOR * rate.window / rate.limit)
        if wait is not None:
            metrics.RATE_LIMIT_HITS.labels("platform", endpoint_class).inc()
        return wait

    def block(self, account_id: int, endpoint_class: str, retry_after: timedelta) -> None:
        """The platform itself said no: nothing before `retry_after`, or for one slot."""
        key, rate = f"platform:{account_id}:{endpoint_class}", self._rates[endpoint_class]
        wait = retry_after or rate.window / rate.limit
        self._local_limiter.block(key, wait)
        try:
            self._sliding_window.block(key, wait)
        except RedisUnavailable:
            return  # this process remembers by itself; the others will be told no as well

    def acquire_api_single(self, key: str, limit: int, window: timedelta) -> RateLimitResult:
        """One use of our own API. Errors: SharedAway."""
        return self.acquire_api(key, [Rate(limit, window)])

    def acquire_api(self, key: str, rates: Sequence[Rate]) -> RateLimitResult:
        """One use under several limits that hold at once. Errors: SharedAway."""
        return self._sliding_window.acquire(f"api:{key}", rates)


class LocalLimiter:
    """One use per interval in this process: what is left of a limit that cannot be asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock, self._free_at = clock, Lock(), dict[str, float]()

    def acquire(self, key: str, interval: timedelta) -> timedelta | None:
        now = self._clock()
        with self._lock:
            remaining_seconds = self._free_at.get(key, now) - now
            if remaining_seconds > 0:
                return timedelta(seconds=remaining_seconds)
            self._set_free_at(key, now + interval.total_seconds(), now)
            return None

    def block(self, key: str, wait: timedelta) -> None:
        now = self._clock()
        with self._lock:
            free_at = max(self._free_at.get(key, now), now + wait.total_seconds())
            self._set_free_at(key, free_at, now)

    def _set_free_at(self, key: str, free_at: float, now: float) -> None:
        if len(self._free_at) >= MAX_LOCAL_KEYS:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}
        self._free_at[key] = free_at
