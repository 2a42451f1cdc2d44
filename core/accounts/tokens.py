"""Access tokens handed out: one that lasts, or word when to ask again. Never an expired one.

Must not refresh by itself nor know what tokens are used for.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from core.accounts.refresh import REFRESH_JOB
from core.bootstrap import Services
from core.crypto import EncryptionContext, access_token_context
from core.errors import NeedsReconnect, NotConnected, ServiceUnavailable
from core.jobs.runner import run_jobs
from core.outcomes import Park, Snooze
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.grants import Grants
from db.session import Database, Session
from platforms.errors import TokenExpired
from platforms.secret import Secret

REFRESH_WAIT = timedelta(seconds=2)
FAILING_REFRESH_WAIT = timedelta(
    seconds=30
)  # the refresh keeps a pace of its own, and wakes who waits for it
REFRESH_POLL_SECONDS = (
    0.05,
    0.1,
    0.2,
    0.4,
    0.8,
    1.0,
    1.0,
)  # seconds between looks at another's refresh


@dataclass(frozen=True)
class AccessToken:
    """A sealed access token with what it takes to open it, and the version it belongs to."""

    account_id: int
    encrypted: str
    context: EncryptionContext
    version: int

    def decrypt(self, services: Services) -> Secret:
        return services.key_ring.decrypt(self.encrypted, self.context)


def preload_tokens(session: Session, account_ids: Collection[int | None]) -> Sequence[Account]:
    """The accounts of a batch: as long as they are kept, `access` asks and writes nothing more."""
    accounts = Grants(session).list_with_token_state(account_ids)
    unused_lately = [
        one for one in accounts if one.status == AccountStatus.ACTIVE and not one.was_used_recently
    ]
    if unused_lately:
        Grants(session).mark_used(*unused_lately)
    return accounts


def get_access_token(session: Session, account_id: int | None) -> AccessToken:
    """A token good for at least TOKEN_GUARD_MINUTES.

    Errors: Later while it is being renewed; Held when only a person can renew it;
    NotConnected when the account is gone.
    """
    account = Accounts(session).get(account_id)
    if account is None or account.status == AccountStatus.DISCONNECTED:
        raise NotConnected("the account of this row is no longer connected")
    if account.status != AccountStatus.ACTIVE:
        raise Park("needs_reconnect")
    if not account.was_used_recently:
        Grants(session).mark_used(account)
    if not (account.has_usable_token or Grants(session).has_usable_token(account.id)):
        Grants(session).request_refresh(account.id, version=account.token_version)
        failed_attempts = account.attempts - (
            account.leased_until is not None
        )  # less the one under way
        raise Snooze(
            FAILING_REFRESH_WAIT if failed_attempts > 0 else REFRESH_WAIT, "token on its way"
        )
    return access_token_of(account)


def access_token_of(account: Account) -> AccessToken:
    """Its access token as it is, however long it may last."""
    context = access_token_context(account.provider, account.open_id, account.user_id)
    return AccessToken(
        account.id, str(account.access_token_encrypted), context, account.token_version
    )


def report_refused_token(session: Session, token: AccessToken) -> NoReturn:
    """The platform no longer takes this token: renew it, unless that already happened.

    Errors: Later, so that the refused call is repeated with the new token; TokenExpired if this
    one was renewed for such a refusal already, so that the next try counts as one.
    """
    if not Grants(session).force_refresh(token.account_id, version=token.version):
        raise TokenExpired("refused although it was renewed a moment ago")
    raise Snooze(REFRESH_WAIT, "token refused by the platform")


def get_or_refresh_token(
    database: Database,
    services: Services,
    account_id: int,
    *,
    refused_token: AccessToken | None = None,
) -> AccessToken:
    """A token that lasts, renewed right here if need be; single flight by the row's lease.

    Shapes: `refused` is a token that the platform did not take although it should have lasted.
    Errors: NotConnected, NeedsReconnect; Away if it cannot be renewed just now.
    """
    token = find_valid_token(
        database, account_id, refused_token=refused_token, request_refresh=True
    )
    for delay in REFRESH_POLL_SECONDS:
        if isinstance(token, AccessToken):
            return token
        if not token:
            break
        if not run_jobs(REFRESH_JOB, database, services, row_id=account_id).claimed:
            time.sleep(delay)
        token = find_valid_token(database, account_id, refused_token=refused_token)
    if isinstance(token, AccessToken):
        return token
    raise ServiceUnavailable("the token could not be renewed", retry_after=FAILING_REFRESH_WAIT)


def find_valid_token(
    database: Database,
    account_id: int,
    *,
    refused_token: AccessToken | None,
    request_refresh: bool = False,
) -> AccessToken | bool:
    """The token if it lasts, else whether it is being renewed, or just about to be."""
    with database.transaction() as session:
        account = Accounts(session).lock(account_id)
        if account is None or account.status == AccountStatus.DISCONNECTED:
            raise NotConnected
        if account.status != AccountStatus.ACTIVE:
            raise NeedsReconnect(f"account {account_id}: {account.status_cause}")
        is_valid = Grants(session).has_usable_token(account_id)
        if is_valid and (refused_token is None or refused_token.version != account.token_version):
            Grants(session).mark_used(account)
            return access_token_of(account)
        if request_refresh and account.leased_until is None:
            account.due_at = Grants.now()
        return Grants(session).is_refreshing(account_id)
