"""Token refresh: an account is a row that falls due before its access token expires.

`RefreshJobType` claims due accounts, renews their tokens at the platform and stores the new ones.
A call that may rotate the refresh token and was not answered stays visible as
`refresh_started_at`. Refresh tokens are decrypted nowhere else, except to revoke the grant of a
disconnected account. The same job fetches the tokens of destinations that the platform has
refused, with the login's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.accounts import grant_lifecycle
from core.accounts.destination_tokens import (
    FetchedTokens,
    has_refused_destinations,
    list_refused_destinations,
    record_fetched_tokens,
)
from core.accounts.refresh_calls import RefreshJob, RefreshRefused, call_refresh, count_refresh
from core.accounts.renewal import MIN_REFRESH_DELAY, EncryptedGrant, next_refresh_delay
from core.accounts.view import EXPIRY_WARNING_PERIOD
from core.backoff import NO_MIN_DELAY, RetryPolicy, minutes, seconds
from core.bootstrap import Services
from core.crypto import access_token_context, refresh_token_context
from core.jobs.job_type import JobType
from core.outcomes import Failure, Park, Reschedule, Snooze
from db.accounts.accounts import ACCOUNT_QUEUE, Account
from db.accounts.grants import FLOW_KEY, REFUSED_VERSION_KEY, RENEWAL_KEY, Grants
from db.posts.account_usage import filter_accounts_in_use
from db.posts.parked import ParkedPosts
from db.session import Session, database_now
from platforms.logins import RenewalKind

EXPIRY_TOLERANCE = timedelta(hours=1)
"""If a refresh moves the final expiry by less than this, the expiry counts as unmoved."""

EXHAUSTED_RETRY_DELAY = timedelta(hours=1)
"""Delay between attempts once the policy is exhausted: giving up would cost a reconnect."""

REFRESH_RETRY_POLICY = RetryPolicy(seconds(2, 5, 15, 30, 60) + minutes(2, 5, 10, 15, 30, 60))


RefreshOutcome = EncryptedGrant | RefreshRefused | FetchedTokens


class RefreshJobType(JobType[Account, RefreshJob, RefreshOutcome]):
    """Refreshes the tokens of one account. The row is the account itself."""

    kind = "accounts"
    queue = ACCOUNT_QUEUE
    retry_policy = REFRESH_RETRY_POLICY
    lease = timedelta(seconds=90)
    batch_size = 32
    pool_size = 16

    def describe_row(self, account: Account) -> Mapping[str, Any]:
        return {"account": account.id, "user": account.user_id, "platform": account.provider}

    def prepare(self, session: Session, account: Account) -> RefreshJob:
        """Mark a refresh as started that may rotate the token.

        Errors: Park if there is nothing to renew the tokens with.
        """
        renewal = renewal_kind(account)
        require_renewable(session, account, renewal)
        has_unanswered_call = False
        if renewal == RenewalKind.REFRESH_TOKEN:
            has_unanswered_call = account.refresh_started_at is not None
            account.refresh_started_at = database_now(session)  # cleared by a definite answer
        token_owner = (account.provider, account.open_id, account.user_id)
        now, refreshed_at = database_now(session), account.last_refreshed_at or account.created_at
        return RefreshJob(
            account_id=account.id,
            provider=account.provider,
            login_ids=(account.open_id, *account.aliases),
            renewal=renewal,
            encrypted_access_token=account.access_token_encrypted,
            encrypted_refresh_token=account.refresh_token_encrypted,
            access_context=access_token_context(*token_owner),
            refresh_context=refresh_token_context(*token_owner),
            has_unanswered_call=has_unanswered_call,
            age=max(now - refreshed_at, NO_MIN_DELAY),
            remaining=None if account.expires_at is None else account.expires_at - now,
            is_refused=account.details.get(REFUSED_VERSION_KEY) == account.token_version,
            destinations=list_refused_destinations(session, account),
            flow=account.details.get(FLOW_KEY),
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
        elif isinstance(outcome, EncryptedGrant):
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
            record_outcome(session, account, outcome, in_use=account.id in ids_in_use)
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


def renewal_kind(account: Account) -> RenewalKind:
    """Return how the account's tokens are renewed, as its grant has said."""
    return RenewalKind(account.details.get(RENEWAL_KEY, RenewalKind.REFRESH_TOKEN))


def require_renewable(session: Session, account: Account, renewal: RenewalKind) -> None:
    """Errors: Park, with the account marked, if its tokens cannot be renewed any more."""
    cause = None
    if renewal == RenewalKind.REFRESH_TOKEN and account.refresh_token_encrypted is None:
        cause = account.status_cause or "no_refresh_token"
    elif renewal == RenewalKind.EXCHANGE and not Grants(session).has_live_token(account.id):
        cause = grant_lifecycle.EXPIRED  # an access token is exchanged only while it is valid
    if cause is not None:
        grant_lifecycle.mark_needs_reconnect(session, account, cause=cause)
        raise Park(f"needs reconnect: {cause}")


def record_outcome(
    session: Session, account: Account, outcome: RefreshOutcome, *, in_use: bool
) -> Reschedule:
    if isinstance(outcome, EncryptedGrant):
        return record_refreshed(session, account, outcome, in_use=in_use)
    if isinstance(outcome, RefreshRefused):
        return record_refused(session, account, outcome)
    account.refresh_started_at = None
    record_fetched_tokens(session, account, outcome)
    return Reschedule(outcome.next_delay)


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
    if has_refused_destinations(session, account):
        return Reschedule(MIN_REFRESH_DELAY)
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
    remaining = Grants(session).remaining_lifetime(account.id) or NO_MIN_DELAY
    if outcome.cause == grant_lifecycle.ROTATION_LOST and remaining > NO_MIN_DELAY:
        grant_lifecycle.mark_rotation_lost(session, account)
        return Reschedule(remaining, refusal=outcome.code)
    grant_lifecycle.mark_needs_reconnect(session, account, cause=outcome.cause)
    return Reschedule(None, refusal=outcome.code)
