"""The published keys of a host application, fetched through our one door and kept for a while."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import jwt

from platforms.errors import Unavailable
from platforms.http import SAFE_RETRY, HttpClient

KEY_CACHE_SECONDS = 600.0  # seconds
MIN_REFETCH_SECONDS = (
    30.0  # seconds before an unknown key id makes us look again: anybody can invent one
)
HTTP_OK = 200


class JwksClient:
    """Errors of `key`: jwt.InvalidTokenError, Unavailable."""

    def __init__(
        self,
        url: str,
        *,
        http: HttpClient | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._http, self._clock = url, http or HttpClient(), clock
        self._lock = Lock()
        self._keys: dict[str | None, Any] = {}
        self._fetched_at = float("-inf")

    def get_key(self, key_id: str | None) -> Any:
        """The key with this id. A host with a single key need not name it."""
        with self._lock:
            age = self._clock() - self._fetched_at
            if age > KEY_CACHE_SECONDS or (key_id not in self._keys and age > MIN_REFETCH_SECONDS):
                self._fetch()
            if key_id is None and len(self._keys) == 1:
                return next(iter(self._keys.values()))
            if key_id not in self._keys:
                raise jwt.InvalidTokenError("unknown key")
            return self._keys[key_id]

    def _fetch(self) -> None:
        self._fetched_at = self._clock()
        reply = self._http.call("GET", self._url, endpoint="host.jwks", retry=SAFE_RETRY)
        if reply.status != HTTP_OK:
            raise Unavailable(f"the host's keys: {reply.status}", code="INVALID_RESPONSE")
        try:
            key_set = jwt.PyJWKSet.from_dict(reply.json())
        except jwt.PyJWTError:
            raise Unavailable("the host's keys cannot be read", code="INVALID_RESPONSE") from None
        self._keys = {one.key_id: one.key for one in key_set.keys}
