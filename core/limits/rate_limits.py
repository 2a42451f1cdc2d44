"""Rate limits: those of the platforms per account, and those of our own API per principal.

If Redis is unavailable, platform limits go on with a low rate per process, and API limits raise
`RedisUnavailable`, so that each route decides whether it answers.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from threading import Lock
from typing import Any

from core.limits.redis_client import COOLDOWN_SECONDS, RedisClient, RedisUnavailable
from core.limits.sliding_window import Block, RateLimitResult, SlidingWindow, UsageNote
from core.limits.window_usage import HighestUsage, WindowUsage
from core.observability import metrics
from platforms.errors import RateLimited
from platforms.registry import PLATFORMS
from platforms.setting_types import Rate

LOCAL_BUDGET_DIVISOR = 6  # without Redis each process allows itself a sixth of a limit
MAX_LOCAL_WAIT = timedelta(seconds=COOLDOWN_SECONDS)
"""How long a call waits that only this process refuses, without Redis.

By then Redis is asked again, and is usually back; the whole interval could be a minute.
"""

ACCOUNTS_PREFIX = "platform:"
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
        self._window_usage = WindowUsage(redis_client)
        self.rates = rates
        self._local_limiter = LocalLimiter(clock)

    def acquire(self, account_id: int, call_class: str) -> timedelta | None:
        """Count a call of this account to the platform; return how long to wait if it is refused.

        None means that the call is allowed. It counts even if it fails. Never raises.
        """
        key, rate = platform_key(account_id, call_class), self.rates[call_class]
        try:
            note = UsageNote(usage_key(call_class), str(account_id))
            wait = self._sliding_window.acquire(key, [rate], note=note).wait or None
        except RedisUnavailable:
            metrics.LIMITER_UNAVAILABLE.labels("platform").inc()
            wait = self._local_limiter.acquire(key, LOCAL_BUDGET_DIVISOR * rate.window / rate.limit)
        if wait is not None:
            metrics.RATE_LIMIT_HITS.labels("platform", call_class).inc()
        return wait

    def block(
        self,
        account_id: int,
        call_class: str,
        retry_after: timedelta,
        cause: str = RateLimited.code,
    ) -> None:
        """Refuse all calls for `retry_after`, because the platform has refused one.

        Without a `retry_after`, refuse them for one slot of the limit. `cause` is the code of the
        platform's refusal, which later refusals repeat.
        """
        key, rate = platform_key(account_id, call_class), self.rates[call_class]
        wait = retry_after or rate.window / rate.limit
        self._block_key(key, wait, cause)

    def find_block_cause(self, account_id: int, call_class: str) -> str:
        """Return the code of the platform's refusal behind a wait that `acquire` returned; the
        general code if our own count is behind it. Never raises.
        """
        block = self._get_block(platform_key(account_id, call_class))
        return block.cause if block.wait and block.cause else RateLimited.code

    def pause_account(self, account: str, wait: timedelta, cause: str) -> None:
        """Let an account post nothing for `wait`, because its platform has blocked it.

        Shapes: `account` names it among all platforms; `cause` is the code of the refusal.
        """
        self._block_key(pause_key(account), wait, cause)

    def find_pause(self, account: str) -> Block:
        """Return for how long an account is still paused, and why. Never raises."""
        return self._get_block(pause_key(account))

    def list_usages(self) -> dict[str, tuple[Rate, HighestUsage]]:
        """Return each class of calls with its limit, and the account that has used most of it.

        Errors: RedisUnavailable.
        """
        return {
            name: (
                rate,
                self._window_usage.find_highest(
                    usage_key(name), rate.window, prefix=ACCOUNTS_PREFIX, suffix=f":{name}"
                ),
            )
            for name, rate in self.rates.items()
        }

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


def platform_key(account_id: int, call_class: str) -> str:
    return f"{ACCOUNTS_PREFIX}{account_id}:{call_class}"


def usage_key(call_class: str) -> str:
    """Where it is noted how full the windows of accounts are."""
    return f"platform-usage:{call_class}"


class LocalLimiter:
    """Allows one use of a key per interval, in this process only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, Lock()
        self._free_at = dict[str, float]()  # by key: when its interval ends
        self._blocks = dict[str, tuple[float, str]]()  # by key: when its block ends, and its cause

    def acquire(self, key: str, interval: timedelta) -> timedelta | None:
        """Return None and begin an interval, or return how long to wait.

        That is what remains of a block, and of the present interval MAX_LOCAL_WAIT at most.
        """
        now = self._clock()
        with self._lock:
            blocked_seconds = self._read_block(key, now).wait.total_seconds()
            busy_seconds = self._free_at.get(key, now) - now
            if busy_seconds > 0:
                busy_seconds = min(busy_seconds, MAX_LOCAL_WAIT.total_seconds())
            if blocked_seconds > 0 or busy_seconds > 0:
                return timedelta(seconds=max(blocked_seconds, busy_seconds))
            self._drop_ended(now)
            self._free_at[key] = now + interval.total_seconds()
            return None

    def get_block(self, key: str) -> Block:
        now = self._clock()
        with self._lock:
            return self._read_block(key, now)

    def block(self, key: str, wait: timedelta, cause: str) -> None:
        """Refuse all uses of this key for `wait`. Never shortens a block."""
        now = self._clock()
        with self._lock:
            self._drop_ended(now)
            ends_at, _ = self._blocks.get(key, (now, ""))
            self._blocks[key] = max(ends_at, now + wait.total_seconds()), cause

    def _read_block(self, key: str, now: float) -> Block:
        ends_at, cause = self._blocks.get(key, (now, ""))
        return Block(timedelta(seconds=max(ends_at - now, 0.0)), cause)

    def _drop_ended(self, now: float) -> None:
        if len(self._free_at) >= MAX_LOCAL_KEYS:
            self._free_at = {key: at for key, at in self._free_at.items() if at > now}
        if len(self._blocks) >= MAX_LOCAL_KEYS:
            self._blocks = {key: block for key, block in self._blocks.items() if block[0] > now}
