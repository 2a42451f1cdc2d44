"""The HTTP response of a platform, and the errors that its status alone implies."""

import re
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from platforms.errors import NO_WAIT, PlatformError, RateLimited, ServerBusy, Unavailable
from platforms.json_body import decode_answer

REQUEST_TIMEOUT, TOO_MANY_REQUESTS, SERVER_ERROR, SERVICE_UNAVAILABLE = 408, 429, 500, 503
MAX_RETRY_AFTER = timedelta(hours=6)  # a longer Retry-After is reduced to it
SECONDS_PATTERN = re.compile(r"\d{1,400}(\.\d{1,100})?", re.ASCII)
MAX_RESPONSE_BYTES = 1024 * 1024  # responses are small JSON; a longer one is an error
GZIP_START = b"\x1f\x8b"
GZIP_FORMAT = 16 + zlib.MAX_WBITS  # of zlib: a gzip header, which carries its own window


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
        with suppress(ValueError, RecursionError, zlib.error):
            return decode_answer(unpack_body(self.body))
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


def unpack_body(body: bytes) -> bytes:
    """Return a body that was compressed although we ask for none; at most 1 MiB of it.

    Some gateways do so, with or without a header that says it. Errors: zlib.error.
    """
    if not body.startswith(GZIP_START):
        return body
    return zlib.decompressobj(wbits=GZIP_FORMAT).decompress(body, MAX_RESPONSE_BYTES)


def unpack_received(body: bytes) -> bytes:
    """Return the body unpacked; as it came if it is damaged."""
    try:
        return unpack_body(body)
    except zlib.error:
        return body


def parse_retry_after(value: str, *, now: float) -> timedelta:
    """Parse a Retry-After, given in seconds or as a date; no wait if it is neither.

    Seconds may have a fraction and stand in quotes; a date without a zone is in UTC.
    Units: `now` in seconds since 1970. Source: RFC 9110 section 10.2.3.
    """
    text = value.strip(' "')
    try:
        if SECONDS_PATTERN.fullmatch(text):
            seconds = float(text)
        else:
            date = parsedate_to_datetime(text)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError, TypeError, IndexError):
        return NO_WAIT
    return timedelta(seconds=min(max(seconds, 0.0), MAX_RETRY_AFTER.total_seconds()))
