"""The platform is asked for new tokens, and what it gave is sealed. Holds no row, writes nothing.

The only place where a sealed refresh token is opened.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.backoff import NO_FLOOR, spread
from core.crypto import Context
from core.errors import CoreError
from core.outcomes import Later
from core.watch import metrics
from core.wiring import World
from platforms.base import Grant
from platforms.errors import PlatformError, Revoked, Unavailable

log = structlog.get_logger(__name__)

KEEP_ALIVE = timedelta(days=7)
SOONEST = timedelta(minutes=1)  # however short-lived a grant is, we do not spin on it
REVOKED, ROTATION_LOST = "revoked", "rotation_lost"


@dataclass(frozen=True)
class Job:
    provider: str
    sealed: str
    access_context: Context
    refresh_context: Context
    again: bool  # an earlier call was sent and never answered


@dataclass(frozen=True)
class Sealed:
    """A grant as it goes into the row; no new refresh token keeps the old one."""

    access_token: str
    refresh_token: str | None
    grant: Grant
    early: timedelta
    dice: float


@dataclass(frozen=True)
class Refused:
    code: str
    cause: str  # revoked | rotation_lost


def perform(job: Job, world: World) -> Sealed | Refused:
    try:
        outcome = asked(job, world)
    except Exception as error:
        count(job, "later" if isinstance(error, Later) else "failed", getattr(error, "code", ""))
        raise
    refusal = outcome.code if isinstance(outcome, Refused) else ""
    count(job, "refused" if refusal else "refreshed", refusal)
    return outcome


def count(job: Job, outcome: str, code: str) -> None:
    metrics.TOKEN_REFRESH.labels(job.provider, outcome, code).inc()


def asked(job: Job, world: World) -> Sealed | Refused:
    token = world.keys.open(job.sealed, job.refresh_context)
    try:
        grant = world.platform(job.provider).oauth.refresh(token)
    except Revoked as error:
        return Refused(error.code, ROTATION_LOST if job.again or error.after_fault else REVOKED)
    except Exception as error:
        if job.again or not isinstance(error, PlatformError | CoreError):
            raise unsure(error) from error
        raise
    return sealed(grant, world, job.access_context, job.refresh_context)


def unsure(error: Exception) -> Unavailable:
    """Whatever the call came to, this one or an earlier one may have rotated the token."""
    known = isinstance(error, PlatformError | CoreError)
    log.warning("refresh.unsure", error=type(error).__name__, exc_info=not known)
    return Unavailable(
        str(error) if known else type(error).__name__,
        code=getattr(error, "code", None) or type(error).__name__,
        retry_after=getattr(error, "retry_after", None) or NO_FLOOR,
        log_id=getattr(error, "log_id", None),
    )


def sealed(grant: Grant, world: World, access: Context, refresh: Context) -> Sealed:
    new = grant.refresh_token
    return Sealed(
        world.keys.seal(grant.access_token, access),
        None if new is None else world.keys.seal(new, refresh),
        grant,
        world.settings.limits.refresh_window,
        world.dice(),
    )


def columns(new: Sealed, *, at: datetime) -> dict[str, str | datetime | None]:
    """None where the answer said nothing.

    Units: `at` by the database's clock. By that of a machine which is hours behind, a new token
    would have ended already, and be renewed again and again.
    """
    lasting = new.grant.refresh_lifetime
    return {
        "access_token_encrypted": new.access_token,
        "refresh_token_encrypted": new.refresh_token,
        "expires_at": at + new.grant.lifetime,
        "refresh_expires_at": None if lasting is None else at + lasting,
    }


def refresh_in(new: Sealed, *, in_use: bool) -> timedelta:
    """How long until the token should be renewed; a dormant account waits for its next use."""
    lifetime = new.grant.lifetime
    if in_use:
        margin = spread(min(new.early, lifetime / 4), dice=new.dice, share=0.1)
        return max(lifetime - margin, SOONEST)
    half = (new.grant.refresh_lifetime or KEEP_ALIVE) / 2
    return max(spread(min(KEEP_ALIVE, half), dice=new.dice, share=0.1), SOONEST)
