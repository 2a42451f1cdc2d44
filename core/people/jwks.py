"""The published keys of a host application, fetched through our one door and kept for a while."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import jwt

from platforms.errors import Unavailable
from platforms.http import SAFE, Http

KEPT = 600.0  # seconds
PAUSE = 30.0  # seconds before an unknown key id makes us look again: anybody can invent one
OK = 200


class Jwks:
    """Errors of `key`: jwt.InvalidTokenError, Unavailable."""

    def __init__(
        self,
        url: str,
        *,
        http: Http | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._http, self._clock = url, http or Http(), clock
        self._lock = Lock()
        self._keys: dict[str | None, Any] = {}
        self._asked_at = float("-inf")

    def key(self, key_id: str | None) -> Any:
        """The key with this id. A host with a single key need not name it."""
        with self._lock:
            age = self._clock() - self._asked_at
            if age > KEPT or (key_id not in self._keys and age > PAUSE):
                self._fetch()
            if key_id is None and len(self._keys) == 1:
                return next(iter(self._keys.values()))
            if key_id not in self._keys:
                raise jwt.InvalidTokenError("unknown key")
            return self._keys[key_id]

    def _fetch(self) -> None:
        self._asked_at = self._clock()
        reply = self._http.call("GET", self._url, endpoint="host.jwks", repeat=SAFE)
        if reply.status != OK:
            raise Unavailable(f"the host's keys: {reply.status}", code="INVALID_RESPONSE")
        try:
            found = jwt.PyJWKSet.from_dict(reply.json())
        except jwt.PyJWTError:
            raise Unavailable("the host's keys cannot be read", code="INVALID_RESPONSE") from None
        self._keys = {one.key_id: one.key for one in found.keys}
