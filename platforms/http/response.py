"""What a platform answered, as a value. Must not know which platform, nor what was asked."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from platforms.errors import NO_WAIT, PlatformError, RateLimited, ServerBusy, Unavailable

REQUEST_TIMEOUT, TOO_MANY_REQUESTS, SERVER_ERROR, SERVICE_UNAVAILABLE = 408, 429, 500, 503
MAX_RETRY_AFTER = timedelta(hours=6)  # a Retry-After beyond it is cut down to it


@dataclass(frozen=True)
class HttpResponse:
    """An answer of any status. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    retry_after: timedelta = NO_WAIT
    after_server_error: bool = (
        False  # an earlier try was answered by a fault, and may have had its effect
    )

    def json(self) -> Any:
        """Errors: Unavailable (`INVALID_RESPONSE`) if the body is not JSON."""
        with suppress(ValueError, RecursionError):
            return json.loads(self.body)
        raise Unavailable(f"answered {self.status} without JSON", code="INVALID_RESPONSE")

    def status_error(self) -> PlatformError | None:
        """What the status alone says is wrong; None leaves the judgement to the body."""
        if self.status == TOO_MANY_REQUESTS:
            return RateLimited(retry_after=self.retry_after)
        if self.status == SERVICE_UNAVAILABLE:
            message, code = f"answered {self.status}", Unavailable.code
            return ServerBusy(message, code=code, retry_after=self.retry_after)
        if self.status == REQUEST_TIMEOUT or self.status >= SERVER_ERROR:
            return Unavailable(f"answered {self.status}", retry_after=self.retry_after)
        return None


def parse_retry_after(value: str, *, now: float) -> timedelta:
    """The wait a Retry-After asks for, in seconds or up to a date; nonsense asks for none.

    Units: `now` in seconds since 1970. Source: RFC 9110 section 10.2.3.
    """
    try:
        seconds = (
            float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - now
        )
    except (ValueError, OverflowError):
        return NO_WAIT
    return timedelta(seconds=min(max(seconds, 0.0), MAX_RETRY_AFTER.total_seconds()))
