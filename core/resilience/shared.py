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

from core.errors import Away

PREFIX = "signalpost:"
PATIENCE = 0.25  # seconds for a connection or an answer; a healthy Redis needs a thousandth
REST = 5.0  # seconds in which nobody asks a Redis that has not answered
DRIVER = {
    "socket_timeout": PATIENCE,
    "socket_connect_timeout": PATIENCE,
    "retry": Retry(NoBackoff(), 0),
    "protocol": 2,  # no greeting to wait for
    "driver_info": None,
    "decode_responses": True,
}

log = structlog.get_logger(__name__)


class SharedAway(Away):
    """Our shared memory does not answer."""


class Shared:
    """One Redis as this process sees it. Connects at first use; safe in threads, after a fork."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = redis.Redis.from_url(url, **DRIVER)
        self._clock = clock
        self._resting_until = 0.0

    def __repr__(self) -> str:
        return "Shared()"

    @property
    def is_away(self) -> bool:
        """Whether it failed a moment ago, so that nobody asks it now."""
        return self._clock() < self._resting_until

    def script(self, lua: str) -> Callable[[Sequence[str], Sequence[Any]], Any]:
        """A function of keys and arguments that Redis runs in one piece. Errors: SharedAway."""
        run = self._client.register_script(lua)
        return lambda keys, args: self._ask(lambda: run([PREFIX + key for key in keys], args))

    def get(self, key: str) -> str | None:
        """Errors: SharedAway."""
        found: str | None = self._ask(lambda: self._client.get(PREFIX + key))
        return found

    def put(self, key: str, value: str, lifetime: timedelta) -> None:
        """Errors: SharedAway."""
        self._ask(lambda: self._client.set(PREFIX + key, value, px=lifetime))

    def drop(self, key: str) -> None:
        """Errors: SharedAway."""
        self._ask(lambda: self._client.delete(PREFIX + key))

    def ping(self) -> None:
        """Errors: SharedAway."""
        self._ask(self._client.ping)

    def close(self) -> None:
        self._client.close()

    def _ask(self, question: Callable[[], Any]) -> Any:
        """Theirs may name the host in full, so only the kind of error is told."""
        if self.is_away:
            raise SharedAway
        try:
            return question()
        except redis.RedisError as error:
            self._resting_until = self._clock() + REST
            log.warning("shared.away", error=type(error).__name__, seconds=REST)
            raise SharedAway from None
