"""What all processes know together, in Redis. It may go away: then we say so at once, and rest.

Must hold nothing that cannot be lost; the truth is in Postgres.
"""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.errors import ServiceUnavailable

KEY_PREFIX = "signalpost:"
REDIS_TIMEOUT_SECONDS = (
    0.25  # seconds for a connection or an answer; a healthy Redis needs a thousandth
)
COOLDOWN_SECONDS = 5.0  # seconds in which nobody asks a Redis that has not answered
CONNECTION_OPTIONS = {
    "socket_timeout": REDIS_TIMEOUT_SECONDS,
    "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
    "retry": Retry(NoBackoff(), 0),
    "protocol": 2,  # no greeting to wait for
    "driver_info": None,
    "decode_responses": True,
}

log = structlog.get_logger(__name__)


class RedisUnavailable(ServiceUnavailable):
    """Our shared memory does not answer."""


class RedisClient:
    """One Redis as this process sees it. Connects at first use; safe in threads, after a fork."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = redis.Redis.from_url(url, **CONNECTION_OPTIONS)
        self._clock = clock
        self._unavailable_until = 0.0

    def __repr__(self) -> str:
        return "RedisClient()"

    @property
    def is_unavailable(self) -> bool:
        """Whether it failed a moment ago, so that nobody asks it now."""
        return self._clock() < self._unavailable_until

    def register_script(self, lua: str) -> Callable[[Sequence[str], Sequence[Any]], Any]:
        """A function of keys and arguments that Redis runs in one piece. Errors: SharedAway."""
        run_script = self._client.register_script(lua)
        return lambda keys, args: self._call(
            lambda: run_script([KEY_PREFIX + key for key in keys], args)
        )

    def get(self, key: str) -> str | None:
        """Errors: SharedAway."""
        found: str | None = self._call(lambda: self._client.get(KEY_PREFIX + key))
        return found

    def put(self, key: str, value: str, lifetime: timedelta) -> None:
        """Errors: SharedAway."""
        self._call(lambda: self._client.set(KEY_PREFIX + key, value, px=lifetime))

    def delete(self, key: str) -> None:
        """Errors: SharedAway."""
        self._call(lambda: self._client.delete(KEY_PREFIX + key))

    def ping(self) -> None:
        """Errors: SharedAway."""
        self._call(self._client.ping)

    def close(self) -> None:
        self._client.close()

    def _call(self, command: Callable[[], Any]) -> Any:
        """Theirs may name the host in full, so only the kind of error is told."""
        if self.is_unavailable:
            raise RedisUnavailable
        try:
            return command()
        except redis.RedisError as error:
            self._unavailable_until = self._clock() + COOLDOWN_SECONDS
            log.warning("redis.unavailable", error=type(error).__name__, seconds=COOLDOWN_SECONDS)
            raise RedisUnavailable from None
