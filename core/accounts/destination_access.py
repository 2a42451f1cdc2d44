"""Tokens for calls that a person waits for: a valid token of the account, or an error to answer.

Workers use `get_destination_token`, which snoozes their job instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from core.accounts.posting_tokens import (
    PostingToken,
    get_destination_token,
    report_refused_posting_token,
)
from core.accounts.tokens import get_or_refresh_token
from core.bootstrap import Services
from core.errors import (
    Forbidden,
    NeedsReconnect,
    NotConnected,
    RateLimitExceeded,
    ServiceUnavailable,
)
from core.outcomes import Park, Snooze
from db.accounts.accounts import Account, Accounts
from db.session import Database, Session
from platforms.errors import RateLimited, TokenExpired
from platforms.publishing import Capability
from platforms.registry import PLATFORMS
from platforms.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True)
class DestinationAccess:
    """`token` is what `posting_token` decrypts to, `fallback_token` the login's own beside it."""

    posting_token: PostingToken
    token: Secret
    fallback_token: Secret | None


def open_destination(
    database: Database,
    services: Services,
    *,
    provider: str,
    account_id: int | None,
    destination_id: int,
    capability: Capability,
) -> DestinationAccess:
    """Return what a call needs; the login's token is refreshed here if needed.

    Errors: NotConnected, NeedsReconnect; Forbidden `scope_not_authorized`; ServiceUnavailable
    while a token is renewed.
    """
    if account_id is None:
        raise NotConnected
    get_or_refresh_token(database, services, account_id)
    with database.transaction() as session:
        require_capability(Accounts(session).get(account_id), capability)
        token, wait = load_token(session, provider, account_id, destination_id)
    if token is None:
        raise wait_error(wait)
    return DestinationAccess(token, token.decrypt(services), token.decrypt_fallback(services))


def load_token(
    session: Session, provider: str, account_id: int, destination_id: int
) -> tuple[PostingToken | None, Snooze | None]:
    """Return the token, or why there is none now. What asking for it wrote is kept."""
    try:
        token = get_destination_token(
            session, provider, account_id=account_id, destination_id=destination_id
        )
    except Snooze as wait:
        return None, wait
    return token, None


def require_capability(login: Account | None, capability: Capability) -> None:
    """Errors: Forbidden unless the login's scopes allow it in one of the platform's flows."""
    granted = set() if login is None else {scope.strip() for scope in login.scope.split(",")}
    flows = () if login is None else PLATFORMS[login.provider].flows.values()
    needed = [rules.scopes[capability] for rules in flows if capability in rules.scopes]
    if not any(scopes <= granted for scopes in needed):
        raise Forbidden(
            "the account was connected without the permission for this",
            code="scope_not_authorized",
        )


def call_for_destination(
    database: Database, access: DestinationAccess, operation: Callable[[], T]
) -> T:
    """Make a call; a refused token is reported, so that it is renewed.

    Errors: those of the call; NeedsReconnect or ServiceUnavailable if the token was refused;
    RateLimitExceeded if the platform limits the calls.
    """
    try:
        return operation()
    except TokenExpired as error:
        raise report_refusal(database, access, error.code) from error
    except RateLimited as error:
        raise RateLimitExceeded(
            "the platform limits the calls for this account", retry_after=error.retry_after
        ) from error


def report_refusal(
    database: Database, access: DestinationAccess, code: str
) -> NeedsReconnect | ServiceUnavailable:
    with database.transaction() as session:
        try:
            report_refused_posting_token(session, access.posting_token, code=code)
        except Snooze as wait:
            return wait_error(wait)
        except TokenExpired:
            return wait_error(None)


def wait_error(wait: Snooze | None) -> NeedsReconnect | ServiceUnavailable:
    """Return the error for a token that has to be renewed, or cannot be."""
    if isinstance(wait, Park):
        return NeedsReconnect("the account must be connected again")
    delay = None if wait is None else wait.delay
    return ServiceUnavailable("the account's token is being renewed", retry_after=delay)
