"""A sliding-window rate limiter in Redis, shared by all processes.

One Lua script, using the clock of Redis. Each key lists the times of the latest uses, so that no
window of any position contains more than the limit; a token bucket would allow twice as many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from core.limits.redis_client import RedisClient
from platforms.setting_types import Rate

# KEYS: the block, then one list per rate, then perhaps where the use is noted for
# core/limits/window_usage.py. ARGV: limit and window (µs) of each rate, then the noted member.
# Returns the wait, then of the rate with the fewest uses left: its limit, the uses left, and the
# time until one more is free. Times in µs.
ACQUIRE_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait = math.max(redis.call('PTTL', KEYS[1]), 0) * 1000
local tightest, left, reset
local rates = math.floor(#ARGV / 2)
for rate = 1, rates do
  local key, limit, window = KEYS[rate + 1], tonumber(ARGV[2 * rate - 1]), tonumber(ARGV[2 * rate])
  local first = redis.call('LINDEX', key, 0)
  while first and first + window <= now do
    redis.call('LPOP', key)
    first = redis.call('LINDEX', key, 0)
  end
  local used = redis.call('LLEN', key)
  local frees_in = first and first + window - now or window
  if used >= limit then
    wait = math.max(wait, redis.call('LINDEX', key, -limit) + window - now)
  end
  if not left or limit - used < left then
    tightest, left, reset = limit, limit - used, frees_in
  end
end
if wait > 0 then
  return {math.ceil(wait), tightest, math.max(left, 0), math.ceil(math.max(reset, wait))}
end
for rate = 1, rates do
  redis.call('RPUSH', KEYS[rate + 1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[rate + 1], math.ceil(ARGV[2 * rate] / 1000))
end
if KEYS[rates + 2] then
  local window = tonumber(ARGV[2])
  local noted = KEYS[rates + 2] .. ':' .. string.format('%.0f', math.floor(now / window))
  redis.call('ZADD', noted, redis.call('LLEN', KEYS[2]), ARGV[2 * rates + 1])
  redis.call('PEXPIRE', noted, math.ceil(2 * window / 1000))
end
return {0, tightest, left - 1, math.ceil(reset)}
"""

BLOCK_SCRIPT = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
end
"""

REMAINING_SCRIPT = "return {redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[1]) or ''}"

NO_WAIT = timedelta(0)
MICROSECOND = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class RateLimitResult:
    """Whether one use was allowed; the other fields are those of the rate nearest its limit."""

    wait: timedelta  # zero if it was allowed
    limit: int
    remaining: int
    resets_in: timedelta  # until one more use is free

    @property
    def is_allowed(self) -> bool:
        return not self.wait


class Block(NamedTuple):
    """For how long all uses of a key are still refused, and the code of the refusal behind it."""

    wait: timedelta = NO_WAIT
    cause: str = ""


class UsageNote(NamedTuple):
    """Under which key a use is noted, and for whom."""

    key: str
    member: str


class SlidingWindow:
    def __init__(self, redis_client: RedisClient) -> None:
        self._acquire = redis_client.register_script(ACQUIRE_SCRIPT)
        self._block = redis_client.register_script(BLOCK_SCRIPT)
        self._remaining = redis_client.register_script(REMAINING_SCRIPT)

    def acquire(
        self, key: str, rates: Sequence[Rate], *, note: UsageNote | None = None
    ) -> RateLimitResult:
        """Count one use under every rate, or under none if one refuses it.

        `note`: also note how many uses the window of the first rate has, for operators.
        Errors: RedisUnavailable.
        """
        keys = [f"{key}:block", *(f"{key}:{rate.window // MICROSECOND}" for rate in rates)]
        arguments: list[int | str] = [
            argument for rate in rates for argument in (rate.limit, rate.window // MICROSECOND)
        ]
        if note is not None:
            keys.append(note.key)
            arguments.append(note.member)
        wait, limit, remaining, reset = self._acquire(keys, arguments)
        return RateLimitResult(wait * MICROSECOND, limit, remaining, reset * MICROSECOND)

    def get_block(self, key: str) -> Block:
        """Errors: RedisUnavailable."""
        milliseconds, cause = self._remaining([f"{key}:block"], [])
        return Block(max(int(milliseconds), 0) * MILLISECOND, cause)

    def block(self, key: str, wait: timedelta, cause: str) -> None:
        """Refuse all uses of this key for `wait`. Never shortens a block.

        Errors: RedisUnavailable.
        """
        self._block([f"{key}:block"], [max(wait // MILLISECOND, 1), cause])
