"""How a try can end, as values. Must not know what was tried, nor write anything down."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.backoff import NO_FLOOR
from core.errors import CoreError
from platforms.errors import PlatformError, RateLimited, Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Failure:
    """Why a try did not succeed. Unknown errors count as retryable: they run out."""

    code: str
    message: str
    retryable: bool = True
    at_least: timedelta = NO_FLOOR
    log_id: str | None = None
    unsure: bool = False  # the call may have had its effect although no answer came


class Later(Exception):
    """Not now, and nobody's fault: a denied rate limit, a token on its way. Costs no attempt."""

    def __init__(self, wait: timedelta | None, why: str) -> None:
        """`wait` None parks the row until somebody sets it due."""
        super().__init__(why)
        self.wait = wait


class Held(Later):
    """Not until a person acts: the row is parked, with the reason for them to read."""

    def __init__(self, why: str) -> None:
        super().__init__(None, why)


class Throttled(Later):
    """A limit of the platform's that we keep ourselves: nothing was sent."""

    code = RateLimited.code


NOW = timedelta(0)


@dataclass(frozen=True)
class Again:
    """When the row is due next; `progressed` False keeps the count of attempts running."""

    after: timedelta | None
    progressed: bool = True


DONE = Again(None)


@dataclass(frozen=True)
class Fenced:
    """The row is no longer ours: another has claimed it since, and this result is dropped."""


FENCED = Fenced()


def failure(error: Exception, kind: str, row: int) -> Failure:
    """An exception as a value. Only our own errors say of themselves that they are final."""
    known = isinstance(error, PlatformError | CoreError)
    log.warning("work.failed", kind=kind, row=row, error=type(error).__name__, exc_info=not known)
    return Failure(
        code=getattr(error, "code", None) or type(error).__name__,
        message=str(error) if known else type(error).__name__,
        retryable=error.retryable if isinstance(error, PlatformError | CoreError) else True,
        at_least=getattr(error, "retry_after", None) or NO_FLOOR,
        log_id=getattr(error, "log_id", None),
        unsure=isinstance(error, Unavailable) and error.reached,
    )


def entry(
    ended: Again | Failure | Later | Fenced,
) -> tuple[str, str | None, str | None, str | None]:
    """How the ledger calls it: outcome, code, message, the vendor's log id."""
    if isinstance(ended, Failure):
        outcome = "retry" if ended.retryable else "failed"
        return (outcome, ended.code, ended.message, ended.log_id)
    if isinstance(ended, Later):
        return ("later", None, str(ended), None)
    return ("done" if isinstance(ended, Again) else "fenced", None, None, None)
