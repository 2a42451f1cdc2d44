"""Speaks to a running house over HTTP, as any other program would: with a URL and an API key.

Nothing here knows the inside of the house. Waits where the house says how long; gives up where not.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from core.errors import Away, Failed, Invalid
from platforms.secret import Secret

TIMEOUT = 60.0  # seconds
PATIENCE = 5  # refusals "not now" in a row before we give up
LONGEST = 120.0  # seconds we wait for one of them
NOT_NOW = frozenset({429, 503})
CONNECTIONS: Mapping[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> dict[str, Any]:
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            raise Failed(f"answered {self.status} without JSON", code="INVALID_RESPONSE") from None
        return found if isinstance(found, dict) else {}

    @property
    def wait(self) -> float:
        text = self.headers.get("retry-after", "")
        return min(float(text), LONGEST) if text.isdecimal() else 1.0


class Wire:
    def __init__(self, url: str, key: Secret) -> None:
        """Errors: Invalid."""
        parts = urlsplit(url)
        if parts.scheme not in CONNECTIONS or not parts.netloc:
            raise Invalid("the house's address must begin with http:// or https://")
        self._connect, self._host = CONNECTIONS[parts.scheme], parts.netloc
        self._base, self._key = parts.path.rstrip("/"), key

    def call(
        self,
        method: str,
        path: str,
        *,
        said: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Asked again while the house says "not now". Errors: Away, Failed."""
        wanted = {"Authorization": f"Bearer {self._key.reveal()}", **(headers or {})}
        if said is not None:
            data, wanted["Content-Type"] = json.dumps(said).encode(), "application/json"
        answer = self._once(method, path, data, wanted)
        for _ in range(PATIENCE):
            if answer.status not in NOT_NOW:
                break
            time.sleep(answer.wait)
            answer = self._once(method, path, data, wanted)
        return answer

    def ask(self, method: str, path: str, **call: Any) -> dict[str, Any]:
        """The JSON of a success. Errors: Away; Failed with the house's own code and words."""
        answer = self.call(method, path, **call)
        if answer.status < 400:  # noqa: PLR2004 - everything above is a refusal
            return answer.json
        error = answer.json.get("error", {})
        message = error.get("userMessage") or f"the house answered {answer.status}"
        raise Failed(message, code=error.get("code"), details=error.get("details"))

    def _once(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        connection = self._connect(self._host, timeout=TIMEOUT)
        try:
            connection.request(method, self._base + path, body=data, headers=dict(headers))
            reply = connection.getresponse()
            found = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, found, reply.read())
        except (OSError, HTTPException) as error:
            raise Away(f"the house does not answer: {type(error).__name__}") from error
        finally:
            connection.close()
