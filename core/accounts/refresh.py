"""The platform is asked for new tokens, and what it gave is sealed. Holds no row, writes nothing.

The only place where a sealed refresh token is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.accounts import grant_lifecycle
from core.accounts.view import EXPIRY_WARNING_PERIOD
from core.backoff import NO_MIN_DELAY, RetryPolicy, minutes, seconds, with_jitter
from core.bootstrap import Services
from core.crypto import EncryptionContext, access_token_context, refresh_token_context
from core.errors import CoreError
from core.jobs.job_type import JobType
from core.observability import metrics
from core.outcomes import Failure, Park, Reschedule, Snooze
from db.accounts.accounts import ACCOUNT_QUEUE, Account
from db.accounts.grants import Grants
from db.posts.parked import ParkedPosts
from db.session import Session, database_now
from platforms.base import Grant
from platforms.errors import PlatformError, Revoked, Unavailable

log = structlog.get_logger(__name__)

KEEP_ALIVE_PERIOD = timedelta(days=7)
MIN_REFRESH_DELAY = timedelta(minutes=1)  # however short-lived a grant is, we do not spin on it
REVOKED_CAUSE, ROTATION_LOST_CAUSE = "revoked", "rotation_lost"


@dataclass(frozen=True)
class RefreshJob:
    provider: str
    encrypted_token: str
    access_context: EncryptionContext
    refresh_context: EncryptionContext
    has_unanswered_call: bool  # an earlier call was sent and never answered


@dataclass(frozen=True)
class EncryptedGrant:
    """A grant as it goes into the row; no new refresh token keeps the old one."""

    access_token: str
    refresh_token: str | None
    grant: Grant
    refresh_window: timedelta
    jitter: float


@dataclass(frozen=True)
class RefreshRefused:
    code: str
    cause: str  # revoked | rotation_lost


def execute_refresh(job: RefreshJob, services: Services) -> EncryptedGrant | RefreshRefused:
    try:
        outcome = call_refresh(job, services)
    except Exception as error:
        count_refresh(
            job, "later" if isinstance(error, Snooze) else "failed", getattr(error, "code", "")
        )
        raise
    refusal = outcome.code if isinstance(outcome, RefreshRefused) else ""
    count_refresh(job, "refused" if refusal else "refreshed", refusal)
    return outcome


def count_refresh(job: RefreshJob, outcome: str, code: str) -> None:
    metrics.TOKEN_REFRESHES.labels(job.provider, outcome, code).inc()


def call_refresh(job: RefreshJob, services: Services) -> EncryptedGrant | RefreshRefused:
    token = services.key_ring.decrypt(job.encrypted_token, job.refresh_context)
    try:
        grant = services.get_platform(job.provider).oauth.refresh(token)
    except Revoked as error:
        return RefreshRefused(
            error.code,
            ROTATION_LOST_CAUSE
            if job.has_unanswered_call or error.after_server_error
            else REVOKED_CAUSE,
        )
    except Exception as error:
        if job.has_unanswered_call or not isinstance(error, PlatformError | CoreError):
            raise as_unavailable(error) from error
        raise
    return encrypt_grant(grant, services, job.access_context, job.refresh_context)


def as_unavailable(error: Exception) -> Unavailable:
    """Whatever the call came to, this one or an earlier one may have rotated the token."""
    is_ours = isinstance(error, PlatformError | CoreError)
    log.warning("token_refresh.uncertain", error=type(error).__name__, exc_info=not is_ours)
    return Unavailable(
        str(error) if is_ours else type(error).__name__,
        code=getattr(error, "code", None) or type(error).__name__,
        retry_after=getattr(error, "retry_after", None) or NO_MIN_DELAY,
        log_id=getattr(error, "log_id", None),
    )


def encrypt_grant(
    grant: Grant,
    services: Services,
    access_context: EncryptionContext,
    refresh_context: EncryptionContext,
) -> EncryptedGrant:
    new_refresh_token = grant.refresh_token
    return EncryptedGrant(
        services.key_ring.encrypt(grant.access_token, access_context),
        None
        if new_refresh_token is None
        else services.key_ring.encrypt(new_refresh_token, refresh_context),
        grant,
        services.settings.limits.refresh_window,
        services.jitter(),
    )


def token_columns(grant: EncryptedGrant, *, at: datetime) -> dict[str, str | datetime | None]:
    """None where the answer said nothing.

    Units: `at` by the database's clock. By that of a machine which is hours behind, a new token
    would have ended already, and be renewed again and again.
    """
    refresh_lifetime = grant.grant.refresh_lifetime
    return {
        "access_token_encrypted": grant.access_token,
        "refresh_token_encrypted": grant.refresh_token,
        "expires_at": at + grant.grant.lifetime,
        "refresh_expires_at": None if refresh_lifetime is None else at + refresh_lifetime,
    }


def next_refresh_delay(grant: EncryptedGrant, *, in_use: bool) -> timedelta:
    """How long until the token should be renewed; a dormant account waits for its next use."""
    lifetime = grant.grant.lifetime
    if in_use:
        margin = with_jitter(
            min(grant.refresh_window, lifetime / 4), jitter=grant.jitter, share=0.1
        )
        return max(lifetime - margin, MIN_REFRESH_DELAY)
    half = (grant.grant.refresh_lifetime or KEEP_ALIVE_PERIOD) / 2
    return max(
        with_jitter(min(KEEP_ALIVE_PERIOD, half), jitter=grant.jitter, share=0.1), MIN_REFRESH_DELAY
    )


# MERGED core.accounts.refresh: Access tokens kept alive: an account is a row due for refresh before its token ends.
#
# A call that was sent but never answered stays visible as `refresh_started_at`. Must not know what
# tokens are used for.

EXPIRY_TOLERANCE = timedelta(hours=1)  # an end that a renewal moves by less was not moved by it
EXHAUSTED_RETRY_DELAY = timedelta(
    hours=1
)  # between tries once patience is spent: giving up costs a reconnect


def prepare_refresh(session: Session, account: Account) -> RefreshJob:
    if account.refresh_token_encrypted is None:
        cause = account.status_cause or "no_refresh_token"
        grant_lifecycle.mark_needs_reconnect(session, account, cause=cause)
        raise Park(f"needs reconnect: {cause}")
    has_unanswered_call = account.refresh_started_at is not None
    account.refresh_started_at = database_now(session)  # cleared by every definite answer
    token_owner = (account.provider, account.open_id, account.user_id)
    return RefreshJob(
        account.provider,
        account.refresh_token_encrypted,
        access_token_context(*token_owner),
        refresh_token_context(*token_owner),
        has_unanswered_call,
    )


def record_refresh(
    session: Session, account: Account, outcome: EncryptedGrant | RefreshRefused
) -> Reschedule:
    return record_refreshes(session, [(account, outcome)])[0]


def record_refreshes(
    session: Session, outcomes: Sequence[tuple[Account, EncryptedGrant | RefreshRefused]]
) -> list[Reschedule]:
    """What the answers for several accounts change, and when each of them is due again."""
    renewed_ids = [
        account.id for account, outcome in outcomes if isinstance(outcome, EncryptedGrant)
    ]
    ParkedPosts(session).wake_waiting_for_token(renewed_ids)
    ids_in_use = Grants(session).filter_in_use(renewed_ids)
    return [
        record_renewed(session, account, outcome, in_use=account.id in ids_in_use)
        if isinstance(outcome, EncryptedGrant)
        else record_refused(session, account, outcome)
        for account, outcome in outcomes
    ]


def record_renewed(
    session: Session, account: Account, grant: EncryptedGrant, *, in_use: bool
) -> Reschedule:
    before, at = (account.refresh_expires_at, account.scope), database_now(session)
    store_new_tokens(account, grant, at=at)
    notify_grant_changes(session, account, *before, at=at)
    grant_lifecycle.record_account_event(session, account, "account.refreshed")
    return Reschedule(next_refresh_delay(grant, in_use=in_use))


def record_refused(session: Session, account: Account, outcome: RefreshRefused) -> Reschedule:
    account.refresh_started_at = None
    remaining = Grants(session).remaining_lifetime(account.id)
    if outcome.cause == ROTATION_LOST_CAUSE and remaining > NO_MIN_DELAY:
        grant_lifecycle.mark_rotation_lost(session, account)
        return Reschedule(remaining)
    grant_lifecycle.mark_needs_reconnect(session, account, cause=outcome.cause)
    return Reschedule(None)


def store_new_tokens(account: Account, grant: EncryptedGrant, *, at: datetime) -> None:
    """Both tokens, both ends and the version in one stroke."""
    for column, value in token_columns(grant, at=at).items():
        if value is not None:
            setattr(account, column, value)
    account.refresh_started_at = None
    account.scope = ",".join(grant.grant.scopes) or account.scope
    account.last_refreshed_at = at
    account.token_version += 1


def notify_grant_changes(
    session: Session,
    account: Account,
    previous_expiry: datetime | None,
    previous_scope: str,
    *,
    at: datetime,
) -> None:
    """What a renewal reveals and its owner should know: permissions gone, an end that stays."""
    lost_scopes = [
        each for each in previous_scope.split(",") if each and each not in account.scope.split(",")
    ]
    if lost_scopes:
        grant_lifecycle.notify_owner(
            session, account, grant_lifecycle.PERMISSIONS_MISSING, why=",".join(lost_scopes)
        )
    new_expiry = account.refresh_expires_at
    if (
        previous_expiry is not None
        and new_expiry is not None
        and new_expiry - previous_expiry < EXPIRY_TOLERANCE
        and new_expiry - at < EXPIRY_WARNING_PERIOD
    ):
        expiry_date = new_expiry.date().isoformat()
        grant_lifecycle.notify_owner(
            session,
            account,
            grant_lifecycle.ENDS_SOON,
            deduplication_key=expiry_date,
            why=expiry_date,
        )


def on_refresh_retry(_session: Session, account: Account, reason: Failure | Snooze) -> None:
    """Only a call that may have rotated the token leaves its mark for the next try."""
    if not (isinstance(reason, Failure) and reason.outcome_unknown):
        account.refresh_started_at = None


def on_refresh_exhausted(session: Session, account: Account, failure: Failure) -> None:
    """Only the platform's word ends a grant. Everything else is told, and tried at leisure."""
    if failure.code == "crypto_error":
        account.refresh_started_at = None
        grant_lifecycle.mark_unreadable(session, account)
    elif failure.code == "access_denied":
        grant_lifecycle.mark_needs_reconnect(session, account, cause=failure.code)
    else:
        on_refresh_retry(session, account, failure)
        payload = {"why": failure.code, "code": failure.code}
        grant_lifecycle.notify_owner(session, account, grant_lifecycle.REFRESH_FAILED, **payload)
        grant_lifecycle.record_account_event(
            session, account, "account.refresh_failed", code=failure.code
        )
        account.due_at = Grants.now() + EXHAUSTED_RETRY_DELAY
        account.attempts = REFRESH_RETRY_POLICY.max_attempts - 1


REFRESH_RETRY_POLICY = RetryPolicy(seconds(2, 5, 15, 30, 60) + minutes(2, 5, 10, 15, 30, 60))

REFRESH_JOB: JobType[Account, RefreshJob, EncryptedGrant | RefreshRefused] = JobType(
    kind="accounts",
    wake_kind="accounts",
    queue=ACCOUNT_QUEUE,
    prepare=prepare_refresh,
    execute=execute_refresh,
    record=record_refresh,
    on_exhausted=on_refresh_exhausted,
    on_retry=on_refresh_retry,
    policy=REFRESH_RETRY_POLICY,
    lease=timedelta(seconds=90),
    batch_size=32,
    pool_size=16,
    record_many=record_refreshes,
)
