"""Who has used most of a limit in the window that ends now, read from notes of the limiter.

At each use the limiter notes how full the user's window is, in a sorted set per stretch of time as
long as the window. Whoever has a use in the window is noted in this stretch or in the one before,
and no window has grown since its note; so the fullest is found among the first of both sets.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.limits.redis_client import RedisClient
from core.limits.sliding_window import MICROSECOND, MILLISECOND, NO_WAIT

MAX_READ_WINDOWS = 100
"""How many windows are counted for one answer."""

# KEYS: the notes, and how the key of each list begins. ARGV: window (µs), how a list's key ends,
# how a block's key ends, how many lists to count.
# Returns the member, its uses, the time until one more is free (µs), the time until its block
# ends (ms), and 1 if all others have no more.
FIND_FULLEST_SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local window, room = tonumber(ARGV[1]), tonumber(ARGV[4])
local stretch = math.floor(now / window)
local noted, members = {}, {}
for each = stretch - 1, stretch do
  local key = KEYS[1] .. ':' .. string.format('%.0f', each)
  local found = redis.call('ZREVRANGE', key, 0, room, 'WITHSCORES')
  for index = 1, #found, 2 do
    local member, uses = found[index], tonumber(found[index + 1])
    if not noted[member] then members[#members + 1] = member end
    noted[member] = math.max(noted[member] or 0, uses)
  end
end
table.sort(members, function(one, other)
  if noted[one] ~= noted[other] then return noted[one] > noted[other] end
  return one < other
end)
local fullest, used, frees_in, complete = '', 0, 0, 1
for index, member in ipairs(members) do
  if noted[member] <= used then break end
  if index > room then
    complete = 0
    break
  end
  local key = KEYS[2] .. member .. ARGV[2]
  local first = redis.call('LINDEX', key, 0)
  while first and first + window <= now do
    redis.call('LPOP', key)
    first = redis.call('LINDEX', key, 0)
  end
  local uses = redis.call('LLEN', key)
  if uses > used then
    fullest, used, frees_in = member, uses, first + window - now
  end
end
local block = fullest ~= '' and redis.call('PTTL', KEYS[2] .. fullest .. ARGV[3]) or 0
return {fullest, used, math.ceil(frees_in), math.max(block, 0), complete}
"""


@dataclass(frozen=True)
class HighestUsage:
    """The fullest of all windows of one limit. `account_id` is None if nobody has used it."""

    account_id: int | None
    used: int
    frees_in: timedelta = NO_WAIT  # until the account may make one more call
    blocked_for: timedelta = NO_WAIT  # because the platform has refused a call of it
    is_complete: bool = True
    """False if so many windows were noted that some were not counted: one may be fuller."""


class WindowUsage:
    def __init__(self, redis_client: RedisClient) -> None:
        self._find_fullest = redis_client.register_script(FIND_FULLEST_SCRIPT)

    def find_highest(
        self, notes_key: str, window: timedelta, *, prefix: str, suffix: str
    ) -> HighestUsage:
        """Find the account whose window has most uses; its key is prefix, id and suffix.

        Errors: RedisUnavailable.
        """
        microseconds = window // MICROSECOND
        member, used, frees_in, block, is_complete = self._find_fullest(
            [notes_key, prefix],
            [microseconds, f"{suffix}:{microseconds}", f"{suffix}:block", MAX_READ_WINDOWS],
        )
        return HighestUsage(
            int(member) if member else None,
            used,
            frees_in * MICROSECOND,
            block * MILLISECOND,
            bool(is_complete),
        )
