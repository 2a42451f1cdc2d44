"""A client of the HTTP API, for the commands: it needs a URL and an API key, like any other client.

It repeats requests that are refused with 429 or 503, after the time the server gives.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from core.errors import Invalid, OperationFailed, ServiceUnavailable
from platforms.secret import Secret

REQUEST_TIMEOUT = 60.0  # seconds
MAX_RETRIES = 5  # repetitions of a request that is refused with 429 or 503
MAX_RETRY_DELAY = 120.0  # seconds between two of them
FIRST_ERROR_STATUS = 400
RETRYABLE_STATUSES = frozenset({429, 503})
CONNECTION_CLASSES: Mapping[str, type[HTTPConnection]] = {
    "http": HTTPConnection,
    "https": HTTPSConnection,
}


@dataclass(frozen=True)
class ApiResponse:
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> dict[str, Any]:
        try:
            parsed = json.loads(self.body or b"{}")
        except ValueError:
            raise OperationFailed(
                f"the server answered {self.status} without JSON", code="INVALID_RESPONSE"
            ) from None
        return parsed if isinstance(parsed, dict) else {}

    def find_error(self) -> dict[str, Any] | None:
        """Return the error that signalpost described; None if something else answered."""
        try:
            error = json.loads(self.body)["error"]
        except (ValueError, TypeError, KeyError):
            return None
        return error if isinstance(error, dict) else None

    @property
    def retry_after(self) -> float | None:
        """The wait that the server asks for; None if it asks for none. Units: seconds.

        A date is compared with the server's own clock, in the header Date.
        """
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdecimal():
            return float(value)
        try:
            now = parsedate_to_datetime(self.headers.get("date", ""))
            return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
        except (TypeError, ValueError):
            return None

    @property
    def retry_delay(self) -> float:
        """The wait before the request is repeated. Units: seconds."""
        wait = self.retry_after
        return 1.0 if wait is None else min(wait, MAX_RETRY_DELAY)


class ApiClient:
    def __init__(self, url: str, api_key: Secret) -> None:
        """Errors: Invalid."""
        parts = urlsplit(url)
        if parts.scheme not in CONNECTION_CLASSES or not parts.netloc:
            raise Invalid("the server's URL must begin with http:// or https://")
        self._connection_class, self._host = CONNECTION_CLASSES[parts.scheme], parts.netloc
        self._base_path, self._api_key = parts.path.rstrip("/"), api_key

    def path_below_url(self, location: str) -> str:
        """Return the path of a `Location` header without that of this client's URL."""
        return urlsplit(location).path.removeprefix(self._base_path)

    def request(
        self,
        method: str,
        path: str,
        *,
        json_body: Mapping[str, Any] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        max_retries: int = MAX_RETRIES,
    ) -> ApiResponse:
        """Send a request; repeat it while the server answers 429 or 503.

        Errors: ServiceUnavailable.
        """
        all_headers = {"Authorization": f"Bearer {self._api_key.reveal()}", **(headers or {})}
        if json_body is not None:
            data = json.dumps(json_body).encode()
            all_headers["Content-Type"] = "application/json"
        response = self._send(method, path, data, all_headers)
        for _ in range(max_retries):
            if response.status not in RETRYABLE_STATUSES:
                break
            time.sleep(response.retry_delay)
            response = self._send(method, path, data, all_headers)
        return response

    def request_json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request and return the JSON of its success.

        Errors: ServiceUnavailable; OperationFailed with the server's error code and text.
        """
        response = self.request(method, path, **options)
        if response.status < FIRST_ERROR_STATUS:
            return response.json
        error = response.json.get("error", {})
        message = error.get("userMessage") or f"the server answered {response.status}"
        raise OperationFailed(message, code=error.get("code"), details=error.get("details"))

    def _send(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> ApiResponse:
        connection = self._connection_class(self._host, timeout=REQUEST_TIMEOUT)
        try:
            connection.request(method, self._base_path + path, body=data, headers=dict(headers))
            response = connection.getresponse()
            response_headers = {name.lower(): value for name, value in response.getheaders()}
            return ApiResponse(response.status, response_headers, response.read())
        except (OSError, HTTPException) as error:
            raise ServiceUnavailable(
                f"the server does not answer: {type(error).__name__}"
            ) from error
        finally:
            connection.close()
