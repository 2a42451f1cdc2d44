"""Which calls are repeated after a failure, and when."""

import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import requests

from signalpost_client.errors import ApiError, ClientError, ConnectionLost, UnexpectedResponse

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED_STATUSES = frozenset({429, 503})
"""The server did nothing: every call may be repeated."""

FAILED_STATUSES = frozenset({408, 500, 502, 504})
"""The server may have done something: only repeatable calls are."""


@dataclass(frozen=True)
class RepeatPolicy:
    """How often a call is repeated, and how long is waited. Units: seconds.

    The wait is what the server asks for in `Retry-After`; without it `first_delay`, doubled by
    each failure, less a random part. If the server asks for more than `longest_delay`, the error
    is raised at once.
    """

    max_repeats: int = 5
    first_delay: float = 0.5
    longest_delay: float = 120.0

    def choose_delay(self, failures: int, retry_after: float | None) -> float | None:
        """Return the wait after so many failures before this one; None to give up."""
        if failures >= self.max_repeats or (retry_after or 0) > self.longest_delay:
            return None
        if retry_after is not None:
            return retry_after
        delay = min(self.first_delay * 2.0**failures, self.longest_delay)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads clients, hides nothing  # nosec B311


def read_retry_after(response: requests.Response) -> float | None:
    """Return the wait that the server asks for; None if it asks for none. Units: seconds.

    A date is compared with the server's own clock, in the header Date.
    """
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        now = parsedate_to_datetime(response.headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def can_repeat(error: ClientError, *, is_repeatable: bool) -> bool:
    """Whether a failed call is sent again. `is_repeatable`: twice has the effect of once."""
    match error:
        case ConnectionLost():
            return is_repeatable or not error.may_have_arrived
        case ApiError(code="IDEMPOTENCY_IN_PROGRESS"):  # the first try with this key still runs
            return True
        case ApiError(retryable=False):
            return False
        case ApiError(status=429, retry_after=None):
            return False  # a platform's quota, of hours
        case ApiError(status=status) | UnexpectedResponse(status=status):
            return status in REFUSED_STATUSES or (is_repeatable and status in FAILED_STATUSES)
    return False
