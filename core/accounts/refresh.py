"""Token refresh: an account is a row that falls due before its access token expires.

`RefreshJobType` claims due accounts, exchanges the refresh token at the platform and stores the
new pair. A call that was sent and not answered stays visible as `refresh_started_at`, because it
may have rotated the refresh token. Refresh tokens are decrypted nowhere else, except to revoke
the grant of a disconnected account.
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
from db.posts.account_usage import filter_accounts_in_use
from db.posts.parked import ParkedPosts
from db.session import Session, database_now
from platforms.base import Grant
from platforms.errors import MisdirectedResponse, PlatformError, Revoked, Unavailable

log = structlog.get_logger(__name__)

KEEP_ALIVE_PERIOD = timedelta(days=7)
"""How often the tokens of an unused account are refreshed, so that the grant does not expire."""

MIN_REFRESH_DELAY = timedelta(minutes=1)
"""Shortest delay between two refreshes, however short-lived the tokens are."""

EXPIRY_TOLERANCE = timedelta(hours=1)
"""If a refresh moves the final expiry by less than this, the expiry counts as unmoved."""

EXHAUSTED_RETRY_DELAY = timedelta(hours=1)
"""Delay between attempts once the policy is exhausted: giving up would cost a reconnect."""

OTHER_ACCOUNT = "other_account"
"""The code of a refresh that the platform answered with the tokens of another account."""

REFRESH_RETRY_POLICY = RetryPolicy(seconds(2, 5, 15, 30, 60) + minutes(2, 5, 10, 15, 30, 60))


@dataclass(frozen=True)
class RefreshJob:
    """What one refresh needs: the encrypted refresh token, and the contexts to encrypt with."""

    account_id: int
    provider: str
    platform_user_id: str  # the platform's id of the account
    encrypted_token: str
    access_context: EncryptionContext
    refresh_context: EncryptionContext
    has_unanswered_call: bool  # an earlier call was sent and never answered


@dataclass(frozen=True)
class EncryptedGrant:
    """A new grant with its tokens encrypted. A `refresh_token` of None keeps the old one."""

    access_token: str
    refresh_token: str | None
    grant: Grant
    refresh_window: timedelta
    jitter: float

    def expires_at(self, received_at: datetime) -> datetime:
        """Return when the access token expires."""
        return received_at + self.grant.lifetime

    def refresh_expires_at(self, received_at: datetime) -> datetime | None:
        """Return when the refresh token expires; None if the platform gave no lifetime."""
        lifetime = self.grant.refresh_lifetime
        return None if lifetime is None else received_at + lifetime


@dataclass(frozen=True)
class RefreshRefused:
    """The platform does not accept the refresh token any more."""

    code: str
    cause: str  # revoked | rotation_lost


RefreshOutcome = EncryptedGrant | RefreshRefused


class RefreshJobType(JobType[Account, RefreshJob, RefreshOutcome]):
    """Refreshes the tokens of one account. The row is the account itself."""

    kind = "accounts"
    queue = ACCOUNT_QUEUE
    retry_policy = REFRESH_RETRY_POLICY
    lease = timedelta(seconds=90)
    batch_size = 32
    pool_size = 16

    def prepare(self, session: Session, account: Account) -> RefreshJob:
        """Mark the refresh as started. Errors: Park if there is no refresh token."""
        if account.refresh_token_encrypted is None:
            cause = account.status_cause or "no_refresh_token"
            grant_lifecycle.mark_needs_reconnect(session, account, cause=cause)
            raise Park(f"needs reconnect: {cause}")
        has_unanswered_call = account.refresh_started_at is not None
        account.refresh_started_at = database_now(session)  # cleared by every definite answer
        token_owner = (account.provider, account.open_id, account.user_id)
        return RefreshJob(
            account_id=account.id,
            provider=account.provider,
            platform_user_id=account.open_id,
            encrypted_token=account.refresh_token_encrypted,
            access_context=access_token_context(*token_owner),
            refresh_context=refresh_token_context(*token_owner),
            has_unanswered_call=has_unanswered_call,
        )

    def execute(self, job: RefreshJob, services: Services) -> RefreshOutcome:
        """Call the platform and count the outcome in the metrics."""
        try:
            outcome = call_refresh(job, services)
        except Exception as error:
            count_refresh(
                job, "later" if isinstance(error, Snooze) else "failed", getattr(error, "code", "")
            )
            raise
        if isinstance(outcome, RefreshRefused):
            count_refresh(job, "refused", outcome.code)
        else:
            count_refresh(job, "refreshed", "")
        return outcome

    def record(self, session: Session, account: Account, outcome: RefreshOutcome) -> Reschedule:
        """Record the outcome for one account."""
        return self.record_many(session, [(account, outcome)])[0]

    def record_many(
        self, session: Session, outcomes: Sequence[tuple[Account, RefreshOutcome]]
    ) -> list[Reschedule]:
        """Record the outcomes of a batch; return when each account is due again.

        Posts that wait for one of the new tokens are made due.
        """
        refreshed_ids = [
            account.id for account, outcome in outcomes if isinstance(outcome, EncryptedGrant)
        ]
        ParkedPosts(session).wake_waiting_for_token(refreshed_ids)
        ids_in_use = filter_accounts_in_use(session, refreshed_ids)
        return [
            record_refreshed(session, account, outcome, in_use=account.id in ids_in_use)
            if isinstance(outcome, EncryptedGrant)
            else record_refused(session, account, outcome)
            for account, outcome in outcomes
        ]

    def on_retry(self, _session: Session, account: Account, reason: Failure | Snooze) -> None:
        """Keep the mark of a started refresh only if the call may have rotated the token."""
        if not (isinstance(reason, Failure) and reason.outcome_unknown):
            account.refresh_started_at = None

    def on_exhausted(self, session: Session, account: Account, failure: Failure) -> None:
        """Notify the owner and go on trying every hour.

        Only an answer of the platform ends a grant; other errors may pass.
        """
        if failure.code == "crypto_error":
            account.refresh_started_at = None
            grant_lifecycle.mark_unreadable(session, account)
        elif failure.code == "access_denied":
            grant_lifecycle.mark_needs_reconnect(session, account, cause=failure.code)
        else:
            self.on_retry(session, account, failure)
            grant_lifecycle.notify_owner(
                session,
                account,
                grant_lifecycle.REFRESH_FAILED,
                why=failure.code,
                code=failure.code,
            )
            grant_lifecycle.record_account_event(
                session, account, "account.refresh_failed", code=failure.code
            )
            account.due_at = Grants.now() + EXHAUSTED_RETRY_DELAY
            account.attempts = REFRESH_RETRY_POLICY.max_attempts - 1


REFRESH_JOB_TYPE = RefreshJobType()


def call_refresh(job: RefreshJob, services: Services) -> RefreshOutcome:
    """Exchange the refresh token at the platform and encrypt the new tokens.

    Errors: Unavailable if this call, or an earlier one, may have rotated the refresh token, among
    them MisdirectedResponse for tokens of another account; other PlatformErrors and CoreErrors if
    the platform has certainly not done so.
    """
    token = services.key_ring.decrypt(job.encrypted_token, job.refresh_context)
    try:
        grant = services.get_adapter(job.provider).oauth.refresh(token)
    except Revoked as error:
        may_have_rotated = job.has_unanswered_call or error.after_server_error
        cause = grant_lifecycle.ROTATION_LOST if may_have_rotated else grant_lifecycle.REVOKED
        return RefreshRefused(error.code, cause)
    except Exception as error:
        if job.has_unanswered_call or not isinstance(error, PlatformError | CoreError):
            raise as_unavailable(error) from error
        raise
    require_same_account(
        grant, job.platform_user_id, provider=job.provider, account_id=job.account_id
    )
    return encrypt_grant(grant, services, job.access_context, job.refresh_context)


def require_same_account(
    grant: Grant, platform_user_id: str, *, provider: str, account_id: int
) -> None:
    """Refuse tokens of another account than the one that was refreshed.

    Stored, they would publish one creator's videos on another's profile. A grant that names no
    account is accepted. The refresh is retried as after a lost answer: nothing of this one is
    stored, the old tokens stay, and the account stays connected. If the platform then refuses the
    refresh token, it has been spent by this answer, and the account continues with its access
    token until that expires (`rotation_lost`).
    Errors: MisdirectedResponse `other_account`.
    """
    if grant.platform_user_id is None or grant.platform_user_id == platform_user_id:
        return
    log.error("token_refresh.other_account", provider=provider, account=account_id)
    raise MisdirectedResponse(
        "the platform answered with the tokens of another account", code=OTHER_ACCOUNT
    )


def as_unavailable(error: Exception) -> Unavailable:
    """Convert the error to one whose outcome is unknown: the token may have been rotated."""
    is_known_error = isinstance(error, PlatformError | CoreError)
    log.warning(
        "token_refresh.outcome_unknown", error=type(error).__name__, exc_info=not is_known_error
    )
    return Unavailable(
        str(error) if is_known_error else type(error).__name__,
        code=getattr(error, "code", None) or type(error).__name__,
        retry_after=getattr(error, "retry_after", None) or NO_MIN_DELAY,
        log_id=getattr(error, "log_id", None),
    )


def count_refresh(job: RefreshJob, outcome: str, code: str) -> None:
    metrics.TOKEN_REFRESHES.labels(job.provider, outcome, code).inc()


def encrypt_grant(
    grant: Grant,
    services: Services,
    access_context: EncryptionContext,
    refresh_context: EncryptionContext,
) -> EncryptedGrant:
    """Encrypt the tokens of a grant, bound to the account that the contexts name."""
    encrypt = services.key_ring.encrypt
    refresh_token = grant.refresh_token
    return EncryptedGrant(
        access_token=encrypt(grant.access_token, access_context),
        refresh_token=None if refresh_token is None else encrypt(refresh_token, refresh_context),
        grant=grant,
        refresh_window=services.settings.limits.refresh_window,
        jitter=services.jitter(),
    )


def token_columns(grant: EncryptedGrant, *, at: datetime) -> dict[str, str | datetime | None]:
    """Return the account's columns that a grant sets; None where the platform gave no value.

    Units: `at` is the database's time. By the clock of a machine that is hours behind, a new
    token would count as expired at once and be refreshed again and again.
    """
    return {
        "access_token_encrypted": grant.access_token,
        "refresh_token_encrypted": grant.refresh_token,
        "expires_at": grant.expires_at(at),
        "refresh_expires_at": grant.refresh_expires_at(at),
    }


def next_refresh_delay(grant: EncryptedGrant, *, in_use: bool) -> timedelta:
    """Return how long until the tokens should be refreshed.

    An account in use is refreshed shortly before its access token expires, and so is one whose
    lifetime is only assumed. An unused one is only kept alive; its access token is refreshed at
    the next use.
    """
    lifetime = grant.grant.lifetime
    if in_use or grant.grant.is_lifetime_assumed:
        margin = with_jitter(
            min(grant.refresh_window, lifetime / 4), jitter=grant.jitter, share=0.1
        )
        return max(lifetime - margin, MIN_REFRESH_DELAY)
    half_refresh_lifetime = (grant.grant.refresh_lifetime or KEEP_ALIVE_PERIOD) / 2
    period = min(KEEP_ALIVE_PERIOD, half_refresh_lifetime)
    return max(with_jitter(period, jitter=grant.jitter, share=0.1), MIN_REFRESH_DELAY)


def record_refreshed(
    session: Session, account: Account, grant: EncryptedGrant, *, in_use: bool
) -> Reschedule:
    """Store the new tokens, and notify the owner of lost scopes and of a coming expiry."""
    at = database_now(session)
    previous_scope = account.scope
    previous_expiry = account.refresh_expires_at
    store_new_tokens(account, grant, at=at)
    notify_lost_scopes(session, account, previous_scope=previous_scope)
    notify_coming_expiry(session, account, previous_expiry=previous_expiry, at=at)
    grant_lifecycle.record_account_event(session, account, "account.refreshed")
    return Reschedule(next_refresh_delay(grant, in_use=in_use))


def store_new_tokens(account: Account, grant: EncryptedGrant, *, at: datetime) -> None:
    """Write tokens, expiry times, scopes and version. A value of None keeps the stored one."""
    refresh_expires_at = grant.refresh_expires_at(at)
    account.access_token_encrypted = grant.access_token
    account.expires_at = grant.expires_at(at)
    if grant.refresh_token is not None:
        account.refresh_token_encrypted = grant.refresh_token
    if refresh_expires_at is not None:
        account.refresh_expires_at = refresh_expires_at
    if grant.grant.scopes:
        account.scope = ",".join(grant.grant.scopes)
    account.refresh_started_at = None
    account.last_refreshed_at = at
    account.token_version += 1


def notify_lost_scopes(session: Session, account: Account, *, previous_scope: str) -> None:
    scopes = account.scope.split(",")
    lost_scopes = [scope for scope in previous_scope.split(",") if scope and scope not in scopes]
    if lost_scopes:
        grant_lifecycle.notify_owner(
            session, account, grant_lifecycle.PERMISSIONS_MISSING, why=",".join(lost_scopes)
        )


def notify_coming_expiry(
    session: Session, account: Account, *, previous_expiry: datetime | None, at: datetime
) -> None:
    """Notify the owner if the final expiry is near and refreshes do not move it."""
    new_expiry = account.refresh_expires_at
    if previous_expiry is None or new_expiry is None:
        return
    is_moved = new_expiry - previous_expiry >= EXPIRY_TOLERANCE
    is_near = new_expiry - at < EXPIRY_WARNING_PERIOD
    if is_near and not is_moved:
        expiry_date = new_expiry.date().isoformat()
        grant_lifecycle.notify_owner(
            session,
            account,
            grant_lifecycle.ENDS_SOON,
            deduplication_key=expiry_date,
            why=expiry_date,
        )


def record_refused(session: Session, account: Account, outcome: RefreshRefused) -> Reschedule:
    """The grant has ended: after a lost rotation, use up the access token; else park the posts."""
    account.refresh_started_at = None
    remaining = Grants(session).remaining_lifetime(account.id)
    if outcome.cause == grant_lifecycle.ROTATION_LOST and remaining > NO_MIN_DELAY:
        grant_lifecycle.mark_rotation_lost(session, account)
        return Reschedule(remaining)
    grant_lifecycle.mark_needs_reconnect(session, account, cause=outcome.cause)
    return Reschedule(None)
