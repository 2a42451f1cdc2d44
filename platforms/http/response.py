"""The HTTP response of a platform, and the errors that its status alone implies."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from platforms.errors import NO_WAIT, PlatformError, RateLimited, ServerBusy, Unavailable

REQUEST_TIMEOUT, TOO_MANY_REQUESTS, SERVER_ERROR, SERVICE_UNAVAILABLE = 408, 429, 500, 503
MAX_RETRY_AFTER = timedelta(hours=6)  # a longer Retry-After is reduced to it


@dataclass(frozen=True)
class HttpResponse:
    """A response with any status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    retry_after: timedelta = NO_WAIT
    # an earlier attempt was answered with a server error and may have taken effect
    after_server_error: bool = False

    def json(self) -> Any:
        """Decode the body. Errors: Unavailable (`INVALID_RESPONSE`) if it is not JSON."""
        with suppress(ValueError, RecursionError):
            try:
                return json.loads(self.body)
            except UnicodeDecodeError:  # a name in another encoding does not cost the rest
                return json.loads(self.body.decode(errors="replace"))
        raise Unavailable(
            f"the platform answered {self.status} without a JSON body", code="INVALID_RESPONSE"
        )

    def status_error(self) -> PlatformError | None:
        """Return the error that the status implies; None if the body has to decide."""
        if self.status == TOO_MANY_REQUESTS:
            return RateLimited(retry_after=self.retry_after)
        if self.status == SERVICE_UNAVAILABLE:
            return ServerBusy(
                f"the platform answered {self.status}",
                code=Unavailable.code,
                retry_after=self.retry_after,
            )
        if self.status == REQUEST_TIMEOUT or self.status >= SERVER_ERROR:
            return Unavailable(f"the platform answered {self.status}", retry_after=self.retry_after)
        return None


def parse_retry_after(value: str, *, now: float) -> timedelta:
    """Parse a Retry-After, given in seconds or as a date; no wait if it is neither.

    Units: `now` in seconds since 1970. Source: RFC 9110 section 10.2.3.
    """
    try:
        seconds = (
            float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - now
        )
    except (ValueError, OverflowError):
        return NO_WAIT
    return timedelta(seconds=min(max(seconds, 0.0), MAX_RETRY_AFTER.total_seconds()))
