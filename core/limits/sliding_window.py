"""How much of a budget is left in a sliding window, shared by all processes.

One script in Redis, by the clock of Redis. Each key holds the times of the latest uses, so that no
window of any position sees more than its limit: a token bucket would let twice as many through.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from core.config.value_types import Rate
from core.limits.redis_client import RedisClient

# KEYS: a block, then one list per rate. ARGV: limit and window in microseconds of each rate.
# Answers: wait, and of the tightest rate its limit, what remains, when more is free; all µs.
ACQUIRE_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local wait = math.max(redis.call('PTTL', KEYS[1]), 0) * 1000
local tight, left, reset
for rate = 1, #KEYS - 1 do
  local key, limit, window = KEYS[rate + 1], tonumber(ARGV[2 * rate - 1]), tonumber(ARGV[2 * rate])
  local first = redis.call('LINDEX', key, 0)
  while first and first + window <= now do
    redis.call('LPOP', key)
    first = redis.call('LINDEX', key, 0)
  end
  local used = redis.call('LLEN', key)
  local frees = first and first + window - now or window
  if used >= limit then
    wait = math.max(wait, redis.call('LINDEX', key, -limit) + window - now)
  end
  if not left or limit - used < left then
    tight, left, reset = limit, limit - used, frees
  end
end
if wait > 0 then
  return {math.ceil(wait), tight, math.max(left, 0), math.ceil(math.max(reset, wait))}
end
for rate = 1, #KEYS - 1 do
  redis.call('RPUSH', KEYS[rate + 1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[rate + 1], math.ceil(ARGV[2 * rate] / 1000))
end
return {0, tight, left - 1, math.ceil(reset)}
"""

BLOCK_SCRIPT = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
end
"""

MICROSECOND = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class RateLimitResult:
    """The answer to one use. `wait` is none if it was allowed; the rest is of the tightest rate."""

    wait: timedelta
    limit: int
    remaining: int
    resets_in: timedelta  # until more is free than now

    @property
    def is_allowed(self) -> bool:
        return not self.wait


class SlidingWindow:
    def __init__(self, redis_client: RedisClient) -> None:
        self._acquire, self._block = (
            redis_client.register_script(ACQUIRE_SCRIPT),
            redis_client.register_script(BLOCK_SCRIPT),
        )

    def acquire(self, key: str, rates: Sequence[Rate]) -> RateLimitResult:
        """Use one of each rate's budget, or none at all. Errors: SharedAway."""
        windows = [f"{key}:{rate.window // MICROSECOND}" for rate in rates]
        arguments = [
            argument for rate in rates for argument in (rate.limit, rate.window // MICROSECOND)
        ]
        wait, limit, remaining, reset = self._acquire([f"{key}:block", *windows], arguments)
        return RateLimitResult(wait * MICROSECOND, limit, remaining, reset * MICROSECOND)

    def block(self, key: str, wait: timedelta) -> None:
        """Nothing more under this key for so long; never shortens a block. Errors: SharedAway."""
        self._block([f"{key}:block"], [max(wait // MILLISECOND, 1)])
