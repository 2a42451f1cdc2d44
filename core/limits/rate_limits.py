"""Rate limits: those of the platforms per account, and those of our own API per principal.

If Redis is unavailable, platform limits go on with a low rate per process, and API limits raise
`RedisUnavailable`, so that each route decides whether it answers.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from threading import Lock
from typing import Any

from core.limits.redis_client import RedisClient, RedisUnavailable
from core.limits.sliding_window import Block, RateLimitResult, SlidingWindow
from core.observability import metrics
from platforms.errors import RateLimited
from platforms.registry import PLATFORMS
from platforms.setting_types import Rate

LOCAL_BUDGET_DIVISOR = 6  # without Redis each process allows itself a sixth of a limit
MAX_LOCAL_KEYS = 10_000  # at so many keys, those whose waiting time is over are dropped


def platform_rates(platform_settings: Any) -> dict[str, Rate]:
    """Call class → what its platform allows per account and minute.

    Shapes: `platform_settings` has a section for each platform. Names of classes are unique.
    """
    return {
        call_class.name: Rate(
            getattr(getattr(platform_settings, name), call_class.rate_setting),
            timedelta(minutes=1),
        )
        for name, platform in PLATFORMS.items()
        for call_class in platform.call_classes.values()
        if call_class.rate_setting is not None
    }


class RateLimits:
    """The rate limits of one process, shared with the others through Redis. Thread-safe."""

    def __init__(
        self,
        redis_client: RedisClient,
        rates: Mapping[str, Rate],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`rates`: endpoint class → limit per account. `clock` is used while Redis is not."""
        self._sliding_window = SlidingWindow(redis_client)
        self._rates = rates
        self._local_limiter = LocalLimiter(clock)

    def acquire(self, account_id: int, endpoint_class: str) -> timedelta | None:
        """Count a call of this account to the platform; return how long to wait if it is refused.

        None means that the call is allowed. It counts even if it fails. Never raises.
        """
        key, rate = platform_key(account_id, endpoint_class), self._rates[endpoint_class]
        try:
            wait = self._sliding_window.acquire(key, [rate]).wait or None
        except RedisUnavailable:
            metrics.LIMITER_UNAVAILABLE.labels("platform").inc()
            wait = self._local_limiter.acquire(key, LOCAL_BUDGET_DIVISOR * rate.window / rate.limit)
        if wait is not None:
            metrics.RATE_LIMIT_HITS.labels("platform", endpoint_class).inc()
        return wait

    def block(
        self,
        account_id: int,
        endpoint_class: str,
        retry_after: timedelta,
        cause: str = RateLimited.code,
    ) -> None:
        """Refuse all calls for `retry_after`, because the platform has refused one.

        Without a `retry_after`, refuse them for one slot of the limit. `cause` is the code of the
        platform's refusal, which later refusals repeat.
        """
        key, rate = platform_key(account_id, endpoint_class), self._rates[endpoint_class]
        wait = retry_after or rate.window / rate.limit
        self._block_key(key, wait, cause)

    def find_block_cause(self, account_id: int, endpoint_class: str) -> str:
        """Return the code of the platform's refusal behind a wait that `acquire` returned; the
        general code if our own count is behind it. Never raises.
        """
        block = self._get_block(platform_key(account_id, endpoint_class))
        return block.cause if block.wait and block.cause else RateLimited.code

    def pause_account(self, account: str, wait: timedelta, cause: str) -> None:
        """Let an account post nothing for `wait`, because its platform has blocked it.

        Shapes: `account` names it among all platforms; `cause` is the code of the refusal.
        """
        self._block_key(pause_key(account), wait, cause)

    def find_pause(self, account: str) -> Block:
        """Return for how long an account is still paused, and why. Never raises."""
        return self._get_block(pause_key(account))

    def acquire_api(self, key: str, rates: Sequence[Rate]) -> RateLimitResult:
        """Count a request to our API under several rates at once. Errors: RedisUnavailable."""
        return self._sliding_window.acquire(f"api:{key}", rates)

    def _block_key(self, key: str, wait: timedelta, cause: str) -> None:
        self._local_limiter.block(key, wait, cause)
        try:
            self._sliding_window.block(key, wait, cause)
        except RedisUnavailable:
            return  # this process blocks locally; the platform will refuse the others as well

    def _get_block(self, key: str) -> Block:
        try:
            return self._sliding_window.get_block(key)
        except RedisUnavailable:
            return self._local_limiter.get_block(key)


def pause_key(account: str) -> str:
    return f"platform:{account}:pause"


def platform_key(account_id: int, endpoint_class: str) -> str:
    return f"platform:{account_id}:{endpoint_class}"


class LocalLimiter:
    """Allows one use of a key per interval, in this process only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, Lock()
        self._free_at, self._causes = dict[str, float](), dict[str, str]()

    def acquire(self, key: str, interval: timedelta) -> timedelta | None:
        """Return None and begin an interval, or return what remains of the present one."""
        now = self._clock()
        with self._lock:
            remaining_seconds = self._free_at.get(key, now) - now
            if remaining_seconds > 0:
                return timedelta(seconds=remaining_seconds)
            self._set_free_at(key, now + interval.total_seconds(), now)
            return None

    def get_block(self, key: str) -> Block:
        now = self._clock()
        with self._lock:
            wait = timedelta(seconds=max(self._free_at.get(key, now) - now, 0.0))
            return Block(wait, self._causes.get(key, ""))

    def block(self, key: str, wait: timedelta, cause: str) -> None:
        now = self._clock()
        with self._lock:
            self._causes[key] = cause
            free_at = max(self._free_at.get(key, now), now + wait.total_seconds())
            self._set_free_at(key, free_at, now)

    def _set_free_at(self, key: str, free_at: float, now: float) -> None:
        if len(self._free_at) >= MAX_LOCAL_KEYS:
            self._free_at = {name: at for name, at in self._free_at.items() if at > now}
            self._causes = {
                name: self._causes[name] for name in self._free_at if name in self._causes
            }
        self._free_at[key] = free_at
