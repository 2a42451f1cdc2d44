"""Signals in Redis that rows of one kind are due, for a worker that is at work on this kind.

Waking a worker with a message costs several milliseconds. So a worker that has work stays for a
while: it says so here (it *listens*), and whoever stores rows sends it a signal, which costs a
tenth of that, and sends a message only if nobody listens. Nothing depends on a signal: a lost one
costs the second until beat has a worker look for due rows.
"""

import secrets

from core.config.settings import Settings
from core.limits.redis_client import (
    PATIENT_COOLDOWN_SECONDS,
    PATIENT_TIMEOUT_SECONDS,
    RedisClient,
    RedisUnavailable,
)

LISTEN_TTL = 2000
"""Milliseconds after which a worker that was killed no longer counts as listening."""

# KEYS: who listens, and the list of signals. Braces keep both in one slot of a cluster.
SEND_SCRIPT = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('EXISTS', KEYS[2]) == 1 then return 2 end
redis.call('LPUSH', KEYS[2], 1)
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
"""
BEGIN_SCRIPT = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= '' then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
redis.call('DEL', KEYS[2])
return 1
"""
END_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 1 end
if redis.call('DEL', KEYS[2]) == 1 then return 0 end
redis.call('DEL', KEYS[1])
return 1
"""
HAND_OVER_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
return 1
"""


class WakeSignals:
    """The signals of one kind: one worker at a time listens, everybody may send."""

    def __init__(self, redis_client: RedisClient, kind: str) -> None:
        self._redis_client = redis_client
        self._signals_key = f"{{{kind}}}:signals"
        self._keys = (f"{{{kind}}}:listener", self._signals_key)
        self._token = ""
        self._send = redis_client.register_script(SEND_SCRIPT)
        self._begin = redis_client.register_script(BEGIN_SCRIPT)
        self._end = redis_client.register_script(END_SCRIPT)
        self._hand_over = redis_client.register_script(HAND_OVER_SCRIPT)

    def send(self) -> bool:
        """Signal that a row is due, after its commit; return whether a worker listens.

        Never raises: without Redis nobody listens.
        """
        try:
            return bool(self._send(self._keys, (LISTEN_TTL,)))
        except RedisUnavailable:
            return False

    def begin(self) -> bool:
        """Listen from now on; False if another worker does, or Redis is away. Then claim rows."""
        self._token = secrets.token_hex(8)
        try:
            return bool(self._begin(self._keys, (LISTEN_TTL, self._token)))
        except RedisUnavailable:
            return False

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for a signal; return whether there was one. Errors: RedisUnavailable."""
        return self._redis_client.pop(self._signals_key, timeout_seconds)

    def end(self) -> bool:
        """Stop listening, unless a signal has come; return whether it has stopped.

        Errors: RedisUnavailable.
        """
        return bool(self._end(self._keys, (LISTEN_TTL, self._token)))

    def hand_over(self) -> None:
        """Stop listening, but let senders send signals on, for a worker that is on its way.

        Errors: RedisUnavailable.
        """
        self._hand_over(self._keys, (LISTEN_TTL, self._token))


def build_wake_signals(settings: Settings, kind: str) -> WakeSignals:
    """Return the signals of a kind, with a client of their own: a late one costs nothing else."""
    client = RedisClient(
        settings.redis_url,
        timeout_seconds=PATIENT_TIMEOUT_SECONDS,
        cooldown_seconds=PATIENT_COOLDOWN_SECONDS,
    )
    return WakeSignals(client, kind)
