"""The ways in which an attempt at due work can end, as values."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.backoff import NO_MIN_DELAY
from core.errors import CoreError
from platforms.errors import PlatformError, RateLimited, Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed. Unknown errors are retryable until the attempts are used up."""

    code: str
    message: str
    retryable: bool = True
    min_delay: timedelta = NO_MIN_DELAY
    log_id: str | None = None
    outcome_unknown: bool = False  # no answer came, but the call may have had its effect
    item: int = 0  # which of the files it is about, counted from 1; 0: not one of several


class Snooze(Exception):
    """Try later, without counting this attempt: a rate limit, a token refresh in progress."""

    def __init__(self, delay: timedelta | None, reason: str) -> None:
        """`delay` None parks the row: it waits until something sets it due."""
        super().__init__(reason)
        self.delay = delay


class Park(Snooze):
    """Park the row until a person acts, at most for `delay`; `reason` is shown to them."""

    def __init__(self, reason: str, delay: timedelta | None = None) -> None:
        super().__init__(delay, reason)


class LocalRateLimit(Snooze):
    """We would exceed a rate limit of the platform, so nothing was sent.

    `code` is that of the platform's refusal, if one is remembered.
    """

    def __init__(self, delay: timedelta, reason: str, *, code: str = RateLimited.code) -> None:
        super().__init__(delay, reason)
        self.code = code


IMMEDIATELY = timedelta(0)


@dataclass(frozen=True)
class Reschedule:
    """A recorded result: when the row is due next, counted from now; `after` None ends it.

    `made_progress` False keeps the count of attempts; otherwise it starts again at zero.
    `refusal` is the code with which a platform has ended what the row is for: nothing is repeated,
    and the attempt counts as failed.
    """

    after: timedelta | None
    made_progress: bool = True
    refusal: str | None = None


DONE = Reschedule(None)


@dataclass(frozen=True)
class StaleLease:
    """The row has been claimed by another worker since; this result is dropped."""


STALE_LEASE = StaleLease()

RowOutcome = Reschedule | Failure | Snooze
"""What follows for a row from one attempt."""


def failure_from_error(error: Exception, kind: str, row_id: int) -> Failure:
    """Turn an exception into a value. Final only if a PlatformError or CoreError says so."""
    is_ours = isinstance(error, PlatformError | CoreError)
    log.warning(
        "job.failed", kind=kind, row=row_id, error=type(error).__name__, exc_info=not is_ours
    )
    return Failure(
        code=getattr(error, "code", None) or type(error).__name__,
        message=str(error) if is_ours else type(error).__name__,
        retryable=error.retryable if isinstance(error, PlatformError | CoreError) else True,
        min_delay=getattr(error, "retry_after", None) or NO_MIN_DELAY,
        log_id=getattr(error, "log_id", None),
        outcome_unknown=isinstance(error, Unavailable) and error.may_have_arrived,
        item=error.item if isinstance(error, PlatformError) else 0,
    )
