"""Our Redis client: short timeouts, and no calls for a while after a failure.

Redis holds only what may be lost; everything else is in Postgres.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import redis
import structlog

from core.config.broker_urls import parse_redis_address
from core.errors import ServiceUnavailable
from core.limits.redis_connections import build_redis, send_command
from core.limits.redis_trials import LIMIT_TRIALS, find_refusal
from core.limits.store_faults import describe_redis_fault

KEY_PREFIX = "signalpost:"
REDIS_TIMEOUT_SECONDS = 0.25  # to connect, and for a response; a healthy Redis needs 0.001
COOLDOWN_SECONDS = 5.0  # for which Redis is not called after it failed
PATIENT_TIMEOUT_SECONDS, PATIENT_COOLDOWN_SECONDS = 1.0, 0.5
"""For requests that are refused without Redis: a busy machine may be late with its response."""

CONNECTION_OPTIONS = {
    "socket_timeout": REDIS_TIMEOUT_SECONDS,
    "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
    "protocol": 2,  # RESP3 would begin each connection with a HELLO to wait for
    "driver_info": None,
    "decode_responses": True,
}

log = structlog.get_logger(__name__)


class RedisUnavailable(ServiceUnavailable):
    """Redis does not answer. Please try again in a moment."""


class RedisClient:
    """One Redis. Connects at first use; may be shared by threads and used after a fork."""

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float | None = None,
        cooldown_seconds: float = COOLDOWN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout_seconds`: to connect, and for a response; None: as in CONNECTION_OPTIONS."""
        options = dict(CONNECTION_OPTIONS)
        if timeout_seconds is not None:
            options |= dict.fromkeys(("socket_timeout", "socket_connect_timeout"), timeout_seconds)
        self._client = build_redis(parse_redis_address(url), options)
        self._cooldown_seconds = cooldown_seconds
        self._clock = clock
        self._unavailable_until = 0.0

    def __repr__(self) -> str:
        return "RedisClient()"

    @property
    def is_unavailable(self) -> bool:
        """Whether it failed a moment ago and is not called until its cool-down is over."""
        return self._clock() < self._unavailable_until

    def register_script(self, lua: str) -> Callable[[Sequence[str], Sequence[Any]], Any]:
        """Return a function of keys and arguments that runs `lua` atomically in Redis.

        Errors of that function: RedisUnavailable.
        """
        script, pool = self._client.register_script(lua), self._client.connection_pool

        def run_script(keys: Sequence[str], args: Sequence[Any]) -> Any:
            full_keys = [KEY_PREFIX + key for key in keys]
            try:
                return send_command(pool, "EVALSHA", script.sha, len(keys), *full_keys, *args)
            except redis.exceptions.NoScriptError:
                return script(full_keys, args)  # stores it first

        return lambda keys, args: self._call(lambda: run_script(keys, args))

    def pop(self, key: str, timeout_seconds: float) -> bool:
        """Wait for an item of a list, take it, and return whether there was one.

        Units: a timeout must be well below the client's own for a response.
        Errors: RedisUnavailable.
        """
        items = self._call(lambda: self._client.blpop([KEY_PREFIX + key], timeout=timeout_seconds))
        return items is not None

    def ping(self) -> None:
        """Errors: RedisUnavailable."""
        self._call(self._client.ping)

    def find_refusal(self) -> str | None:
        """Return why limits cannot work with it, as a sentence that continues "redis", or None."""
        return find_refusal(self._client, LIMIT_TRIALS, store="redis")

    def close(self) -> None:
        self._client.close()

    def _call(self, command: Callable[[], Any]) -> Any:
        """Log no text of an error: those of redis-py can contain the host's full URL."""
        if self.is_unavailable:
            raise RedisUnavailable
        try:
            return command()
        except redis.RedisError as error:
            self._unavailable_until = self._clock() + self._cooldown_seconds
            log.warning(
                "redis.unavailable",
                error=type(error).__name__,
                reason=describe_redis_fault(error),
                seconds=self._cooldown_seconds,
            )
            raise RedisUnavailable from None
