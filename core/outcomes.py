"""How a try can end, as values. Must not know what was tried, nor write anything down."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.backoff import NO_MIN_DELAY
from core.errors import CoreError
from platforms.errors import PlatformError, RateLimited, Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why a try did not succeed. Unknown errors count as retryable: they run out."""

    code: str
    message: str
    retryable: bool = True
    min_delay: timedelta = NO_MIN_DELAY
    log_id: str | None = None
    outcome_unknown: bool = False  # the call may have had its effect although no answer came


class Snooze(Exception):
    """Not now, and nobody's fault: a denied rate limit, a token on its way. Costs no attempt."""

    def __init__(self, delay: timedelta | None, reason: str) -> None:
        """`wait` None parks the row until somebody sets it due."""
        super().__init__(reason)
        self.delay = delay


class Park(Snooze):
    """Not until a person acts: the row is parked, with the reason for them to read."""

    def __init__(self, reason: str) -> None:
        super().__init__(None, reason)


class LocalRateLimit(Snooze):
    """A limit of the platform's that we keep ourselves: nothing was sent."""

    code = RateLimited.code


IMMEDIATELY = timedelta(0)


@dataclass(frozen=True)
class Reschedule:
    """When the row is due next; `progressed` False keeps the count of attempts running."""

    after: timedelta | None
    made_progress: bool = True


DONE = Reschedule(None)


@dataclass(frozen=True)
class StaleLease:
    """The row is no longer ours: another has claimed it since, and this result is dropped."""


STALE_LEASE = StaleLease()


def failure_from_error(error: Exception, kind: str, row_id: int) -> Failure:
    """An exception as a value. Only our own errors say of themselves that they are final."""
    is_known = isinstance(error, PlatformError | CoreError)
    log.warning(
        "job.failed", kind=kind, row=row_id, error=type(error).__name__, exc_info=not is_known
    )
    return Failure(
        code=getattr(error, "code", None) or type(error).__name__,
        message=str(error) if is_known else type(error).__name__,
        retryable=error.retryable if isinstance(error, PlatformError | CoreError) else True,
        min_delay=getattr(error, "retry_after", None) or NO_MIN_DELAY,
        log_id=getattr(error, "log_id", None),
        outcome_unknown=isinstance(error, Unavailable) and error.may_have_arrived,
    )


def attempt_fields(
    result: Reschedule | Failure | Snooze | StaleLease,
) -> tuple[str, str | None, str | None, str | None]:
    """How the ledger calls it: outcome, code, message, the vendor's log id."""
    if isinstance(result, Failure):
        outcome = "retry" if result.retryable else "failed"
        return (outcome, result.code, result.message, result.log_id)
    if isinstance(result, Snooze):
        return ("later", None, str(result), None)
    return ("done" if isinstance(result, Reschedule) else "fenced", None, None, None)
