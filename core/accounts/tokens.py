"""Access tokens for calls to a platform: a valid one, or an exception that says when to retry.

Workers use `get_access_token`, which requests a refresh and snoozes the job. HTTP requests use
`get_or_refresh_token`, which runs the refresh itself and waits for it.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import NoReturn

from core.accounts.flows import is_flow_in_use
from core.accounts.grant_lifecycle import LOGIN_CHANGED
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.bootstrap import Services
from core.crypto import EncryptionContext, access_token_context
from core.errors import NeedsReconnect, NotConnected, ServiceUnavailable
from core.jobs.runner import run_jobs
from core.outcomes import Park, Snooze
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.grants import FLOW_KEY, Grants
from db.session import Database, Session
from platforms.errors import TokenExpired
from platforms.secret import Secret

REFRESH_WAIT = timedelta(seconds=2)

FAILING_REFRESH_WAIT = timedelta(seconds=30)
"""A refresh that failed is retried on its own schedule, and wakes the posts that wait for it."""

REFRESH_REQUESTED = "token on its way"
CALL_REFUSED = "token refused by the platform"
"""`last_error` of rows that wait for a refresh. Both begin with "token ": that is how
`ParkedPosts.wake_waiting_for_token` finds the posts among them.
"""

REFRESH_POLL_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0)
"""Pauses between checks whether another process has finished the refresh."""


@dataclass(frozen=True)
class AccessToken:
    """An encrypted access token, its encryption context and the token version it belongs to.

    `flow` is the way of signing in that it comes from; None: the platform has only one.
    """

    account_id: int
    encrypted: str
    context: EncryptionContext
    version: int
    provider: str = ""
    flow: str | None = None
    open_id: str | None = None  # the platform's id of the login

    def decrypt(self, services: Services) -> Secret:
        """Errors: DecryptionFailed; Park while another way of signing in is in use."""
        self.require_flow_in_use(services)
        return services.key_ring.decrypt(self.encrypted, self.context)

    def require_flow_in_use(self, services: Services) -> None:
        """Errors: Park if calls would be made with another app, at another host."""
        if not is_flow_in_use(services, self.provider, self.flow):
            raise Park("needs_reconnect")


class RefreshState(Enum):
    """Why an account has no valid token at the moment."""

    PENDING = auto()  # a refresh is under way, or due and not yet claimed
    WAITING = auto()  # the last refresh failed, and its retry is not due yet


def preload_tokens(session: Session, account_ids: Collection[int | None]) -> Sequence[Account]:
    """Load the accounts of a batch into the session and mark their tokens as used.

    While the caller keeps a reference to them, `get_access_token` makes no query.
    """
    accounts = Grants(session).list_with_token_state(account_ids)
    not_used_recently = [
        account
        for account in accounts
        if account.status == AccountStatus.ACTIVE and not account.was_used_recently
    ]
    if not_used_recently:
        Grants(session).mark_used(*not_used_recently)
    return accounts


def get_access_token(session: Session, account_id: int | None) -> AccessToken:
    """Return a token that is valid for at least TOKEN_GUARD_MINUTES.

    Errors: Snooze while it is being refreshed; Park if the owner has to reconnect the account;
    NotConnected if the account was disconnected.
    """
    account = Accounts(session).get(account_id)
    if account is None or account.status == AccountStatus.DISCONNECTED:
        raise NotConnected("the account is no longer connected: connect it again")
    if account.status != AccountStatus.ACTIVE:
        raise Park("needs_reconnect")
    if not account.was_used_recently:
        Grants(session).mark_used(account)
    if not (account.has_usable_token or Grants(session).has_usable_token(account.id)):
        Grants(session).request_refresh(account.id, version=account.token_version)
        wait = FAILING_REFRESH_WAIT if account.failed_attempts > 0 else REFRESH_WAIT
        raise Snooze(wait, REFRESH_REQUESTED)
    return access_token_of(account)


def access_token_of(account: Account) -> AccessToken:
    """Return the account's access token as stored, however long it is still valid."""
    context = access_token_context(account.provider, account.open_id, account.user_id)
    return AccessToken(
        account.id,
        str(account.access_token_encrypted),
        context,
        account.token_version,
        account.provider,
        account.details.get(FLOW_KEY),
        account.open_id,
    )


def report_refused_token(session: Session, token: AccessToken) -> NoReturn:
    """The platform refused this token: request a refresh, unless that already happened.

    Errors: Snooze, so that the refused call is repeated with the new token; TokenExpired if this
    token is itself the result of such a refresh, so that the retry counts as an attempt.
    """
    if not Grants(session).force_refresh(token.account_id, version=token.version):
        raise TokenExpired("the platform refused an access token that had just been refreshed")
    raise Snooze(REFRESH_WAIT, CALL_REFUSED)


def get_or_refresh_token(
    database: Database,
    services: Services,
    account_id: int,
    *,
    refused_token: AccessToken | None = None,
) -> AccessToken:
    """Return a valid token; refresh it here if needed. The row's lease allows one refresh at once.

    Shapes: `refused_token` is a token that the platform refused before it expired.
    Errors: NotConnected, NeedsReconnect; ServiceUnavailable if the refresh fails or takes too long.
    """
    token = find_valid_token(
        database, account_id, refused_token=refused_token, request_refresh=True
    )
    for delay in REFRESH_POLL_SECONDS:
        if isinstance(token, AccessToken):
            return check_flow(token, services)
        if token is RefreshState.WAITING:
            break
        if not run_jobs(REFRESH_JOB_TYPE, database, services, row_id=account_id).claimed:
            time.sleep(delay)
        token = find_valid_token(database, account_id, refused_token=refused_token)
    if isinstance(token, AccessToken):
        return check_flow(token, services)
    raise ServiceUnavailable(
        f"the access token of account {account_id} could not be refreshed",
        retry_after=FAILING_REFRESH_WAIT,
    )


def check_flow(token: AccessToken, services: Services) -> AccessToken:
    """Return the token. Errors: NeedsReconnect while another way of signing in is in use."""
    if not is_flow_in_use(services, token.provider, token.flow):
        raise NeedsReconnect(f"account {token.account_id} must be connected again: {LOGIN_CHANGED}")
    return token


def find_valid_token(
    database: Database,
    account_id: int,
    *,
    refused_token: AccessToken | None,
    request_refresh: bool = False,
) -> AccessToken | RefreshState:
    """Return the token if it is valid, else what its refresh is waiting for.

    `request_refresh` makes the account due for refresh if no worker has claimed it.
    """
    with database.transaction() as session:
        account = Accounts(session).lock(account_id)
        if account is None or account.status == AccountStatus.DISCONNECTED:
            raise NotConnected
        if account.status != AccountStatus.ACTIVE:
            raise NeedsReconnect(
                f"account {account_id} must be connected again: {account.status_cause}"
            )
        is_usable = Grants(session).has_usable_token(account_id)
        is_refused = refused_token is not None and refused_token.version == account.token_version
        if is_usable and not is_refused:
            Grants(session).mark_used(account)
            return access_token_of(account)
        if request_refresh and account.leased_until is None:
            account.due_at = Grants.now()
        is_pending = Grants(session).is_refreshing(account_id)
        return RefreshState.PENDING if is_pending else RefreshState.WAITING
