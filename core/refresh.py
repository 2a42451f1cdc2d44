"""Access tokens kept alive: an account is a row due for refresh before its token ends.

The only place where a sealed refresh token is opened. A call that was sent but never answered
stays visible as `refresh_started_at`. Must not know what tokens are used for.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core import grants
from core.backoff import NO_FLOOR, Policy, minutes, seconds, spread
from core.crypto import Context, access_context, refresh_context
from core.errors import CoreError
from core.kinds import Work
from core.outcomes import Again, Failure, Held, Later
from core.wiring import World
from db.accounts import ACCOUNTS, Account
from db.grants import Grants
from db.holds import Holds
from db.session import Session
from platforms.base import Grant
from platforms.errors import PlatformError, Revoked, Unavailable

log = structlog.get_logger(__name__)

KEEP_ALIVE = timedelta(days=7)
REST = timedelta(hours=1)  # between tries once patience is spent: giving up costs a reconnect


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
    at: datetime
    early: timedelta
    dice: float


@dataclass(frozen=True)
class Refused:
    code: str
    cause: str  # revoked | rotation_lost


def brief(session: Session, account: Account) -> Job:
    if account.refresh_token_encrypted is None:
        cause = account.status_cause or "no_refresh_token"
        grants.needs_reconnect(session, account, cause=cause)
        raise Held(f"needs reconnect: {cause}")
    again = account.refresh_started_at is not None
    account.refresh_started_at = Grants.now()  # cleared by every definite answer
    who = (account.provider, account.open_id, account.user_id)
    return Job(
        account.provider,
        account.refresh_token_encrypted,
        access_context(*who),
        refresh_context(*who),
        again,
    )


def perform(job: Job, world: World) -> Sealed | Refused:
    token = world.keys.open(job.sealed, job.refresh_context)
    try:
        grant = world.platform(job.provider).oauth.refresh(token)
    except Revoked as error:
        return Refused(error.code, grants.ROTATION_LOST if job.again else "revoked")
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
        world.now(),
        world.settings.limits.refresh_window,
        world.dice(),
    )


def record(session: Session, account: Account, outcome: Sealed | Refused) -> Again:
    account.refresh_started_at = None
    if isinstance(outcome, Sealed):
        renew(account, outcome)
        Holds(session).wake(account.id)
        grants.note(session, account, "account.refreshed")
        return Again(refresh_in(outcome, in_use=Grants(session).in_use(account.id)))
    left = Grants(session).remaining(account.id)
    if outcome.cause == grants.ROTATION_LOST and left > NO_FLOOR:
        grants.rotation_lost(session, account)
        return Again(left)
    grants.needs_reconnect(session, account, cause=outcome.cause)
    return Again(None)


def renew(account: Account, new: Sealed) -> None:
    """Both tokens, both ends and the version in one stroke."""
    for column, value in columns(new).items():
        if value is not None:
            setattr(account, column, value)
    account.last_refreshed_at = new.at
    account.token_version += 1


def columns(new: Sealed) -> dict[str, str | datetime | None]:
    """None where the answer said nothing."""
    lasting = new.grant.refresh_lifetime
    return {
        "access_token_encrypted": new.access_token,
        "refresh_token_encrypted": new.refresh_token,
        "expires_at": new.at + new.grant.lifetime,
        "refresh_expires_at": None if lasting is None else new.at + lasting,
    }


def refresh_in(new: Sealed, *, in_use: bool) -> timedelta:
    """How long until the token should be renewed; a dormant account waits for its next use."""
    lifetime = new.grant.lifetime
    if in_use:
        return lifetime - spread(min(new.early, lifetime / 4), dice=new.dice, share=0.1)
    half = (new.grant.refresh_lifetime or KEEP_ALIVE) / 2
    return spread(min(KEEP_ALIVE, half), dice=new.dice, share=0.1)


def put_back(_session: Session, account: Account, why: Failure | Later) -> None:
    """Only a call that may have rotated the token leaves its mark for the next try."""
    if not (isinstance(why, Failure) and why.unsure):
        account.refresh_started_at = None


def give_up(session: Session, account: Account, failure: Failure) -> None:
    """Only the platform's word ends a grant. Everything else is told, and tried at leisure."""
    if failure.code == "crypto_error":
        account.refresh_started_at = None
        grants.unreadable(session, account)
    elif failure.code == "access_denied":
        grants.needs_reconnect(session, account, cause=failure.code)
    else:
        put_back(session, account, failure)
        grants.tell(session, account, grants.REFRESH_FAILED, why=failure.code)
        grants.note(session, account, "account.refresh_failed", code=failure.code)
        account.due_at = Grants.now() + REST
        account.attempts = POLICY.attempts - 1


POLICY = Policy(seconds(2, 5, 15, 30, 60) + minutes(2, 5, 10, 15, 30, 60))

WORK: Work[Account, Job, Sealed | Refused] = Work(
    kind="accounts",
    bell="accounts",
    queue=ACCOUNTS,
    brief=brief,
    perform=perform,
    record=record,
    give_up=give_up,
    put_back=put_back,
    policy=POLICY,
    lease=timedelta(seconds=90),
    batch=16,
    pool=8,
)
