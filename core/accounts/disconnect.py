"""Disconnect an account: clear its tokens, park or cancel its posts, revoke the grant.

Our own row changes first. The grant is revoked at the platform afterwards, on a best-effort basis:
a platform that does not answer must not keep the account connected.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from core.accounts import grant_lifecycle
from core.accounts.erasure import begin_erasure, erase_own_login
from core.accounts.flows import get_flow, is_flow_in_use
from core.accounts.grant_lifecycle import LOGIN_CHANGED
from core.accounts.refresh import renewal_kind
from core.accounts.refresh_calls import require_same_account
from core.accounts.subscriptions import (
    SubscriptionJob,
    end_subscription,
    list_subscription_jobs,
)
from core.audit import record_action
from core.bootstrap import Services
from core.crypto import access_token_context, refresh_token_context
from core.errors import CoreError, Invalid, NotFound
from core.post_state.settle import PostState
from core.post_state.transitions import end_one_post
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.grants import FLOW_KEY, Grants
from db.posts.parked import ParkedPosts
from db.records.destinations import find_destination_store
from db.session import Database, Session
from platforms.errors import PlatformError
from platforms.logins import RenewalKind
from platforms.secret import Secret

log = structlog.get_logger(__name__)

PARK_QUEUED = "hold"
CANCEL_QUEUED = "cancel"


@dataclass(frozen=True)
class DisconnectResult:
    is_revoked: bool
    parked_posts: int
    cancelled_posts: int


@dataclass(frozen=True)
class RevocableTokens:
    """The account's former tokens, encrypted."""

    encrypted_access_token: str | None
    has_live_token: bool
    encrypted_refresh_token: str | None
    renewal: RenewalKind
    subscriptions: tuple[SubscriptionJob, ...]
    account_id: int
    provider: str
    open_id: str
    user_id: int
    flow: str | None  # the way of signing in; None: the platform has only one


def disconnect_account(
    database: Database,
    services: Services,
    *,
    user_id: int,
    provider: str,
    account_id: int | None = None,
    erase: bool = False,
    queued_posts: str = PARK_QUEUED,
) -> DisconnectResult:
    """Disconnect an account of this user and revoke its grant at the platform.

    `queued_posts` is `hold` or `cancel`; `erase` cancels them and deletes the account with all that
    is stored of it, webhook events included. An account that was disconnected before, and kept its
    history, can be erased by its id.
    Errors: NotFound; Invalid `account_required` if several are connected and none is named.
    """
    with database.transaction() as session:
        account = lock_account(session, user_id, provider, account_id, erase=erase)
        parked = cancelled = 0
        if erase or queued_posts == CANCEL_QUEUED:
            cancelled = cancel_posts(session, account)
        else:
            parked = grant_lifecycle.park_posts(session, account, grant_lifecycle.DISCONNECTED)
        tokens = mark_disconnected(session, account)
        details = {"held": parked, "cancelled": cancelled, "erased": erase}
        erasure_id = None
        if erase:
            erasure_id = erase_own_login(session, account, services)
            record_about(session, tokens, "account.disconnected", **details)
        else:
            end_account(session, account, details)
    for subscription in tokens.subscriptions:
        end_subscription(services, subscription)
    is_revoked = revoke_at_platform(tokens, services)
    with database.transaction() as session:
        record_about(session, tokens, "account.told_platform", revoked=is_revoked)
    if erasure_id is not None:
        begin_erasure(database, services, erasure_id)
    return DisconnectResult(is_revoked, parked, cancelled)


def lock_account(
    session: Session, user_id: int, provider: str, account_id: int | None, *, erase: bool
) -> Account:
    """Lock the user's account with this id, or the only one they have of the platform.

    One to be erased may be disconnected already, if its id is given.
    Errors: NotFound; Invalid `account_required`.
    """
    with_disconnected = erase and account_id is not None
    accounts = Accounts(session)
    of_user = (
        accounts.list_all_of_user(user_id)
        if with_disconnected
        else accounts.list_for_user(user_id, provider)
    )
    candidates = [
        account
        for account in of_user
        if account.provider == provider and account_id in (None, account.id)
    ]
    if len(candidates) > 1:
        raise Invalid(
            "several accounts are connected: name one with account_id", code="account_required"
        )
    account = accounts.lock(candidates[0].id) if candidates else None
    is_over = account is not None and account.disconnected_at is not None
    if account is None or (is_over and not with_disconnected):
        raise NotFound("this user has no such connected account")
    return account


def cancel_posts(session: Session, account: Account) -> int:
    """Cancel the account's queued posts. Return how many there were."""
    queued_posts = ParkedPosts(session).lock_queued(account.id)
    for post in queued_posts:
        end_one_post(session, post, PostState.CANCELLED, grant_lifecycle.DISCONNECTED)
    return len(queued_posts)


def mark_disconnected(session: Session, account: Account) -> RevocableTokens:
    """Mark the account disconnected and clear its tokens; return them for the revocation."""
    tokens = RevocableTokens(
        encrypted_access_token=account.access_token_encrypted,
        has_live_token=Grants(session).has_live_token(account.id),
        encrypted_refresh_token=account.refresh_token_encrypted,
        renewal=renewal_kind(account),
        subscriptions=tuple(list_subscription_jobs(session, account)),
        account_id=account.id,
        provider=account.provider,
        open_id=account.open_id,
        user_id=account.user_id,
        flow=account.details.get(FLOW_KEY),
    )
    account.status = AccountStatus.DISCONNECTED
    account.status_cause = "by the user"
    account.disconnected_at = Grants.now()
    grant_lifecycle.clear_tokens(account)
    grant_lifecycle.resolve_notifications(session, account)
    return tokens


def end_account(session: Session, account: Account, details: Mapping[str, object]) -> None:
    """Disconnect what the login opens, and keep its history."""
    disconnect_destinations(session, account)
    grant_lifecycle.record_account_event(session, account, "account.disconnected", **details)


def disconnect_destinations(session: Session, account: Account) -> None:
    """Clear the tokens of the account's destinations."""
    store = find_destination_store(session, account.provider)
    if store is not None:
        store.disconnect(account.id)


def record_about(session: Session, tokens: RevocableTokens, action: str, **details: object) -> None:
    """Write the action to the audit log, also if the account has been erased."""
    subject = f"account:{tokens.account_id}"
    record_action(session, action, user_id=tokens.user_id, subject=subject, details=details)


def revoke_at_platform(tokens: RevocableTokens, services: Services) -> bool:
    """Revoke the grant at the platform. Return False, and log, if that was not possible."""
    try:
        token = token_to_revoke(tokens, services)
        if token is not None:
            get_flow(services, tokens.provider).revoke(token)
    except (PlatformError, CoreError) as error:
        log.warning("disconnect.not_revoked", provider=tokens.provider, code=error.code)
        return False
    return token is not None


def token_to_revoke(tokens: RevocableTokens, services: Services) -> Secret | None:
    """Return the access token, or a new one fetched for the revocation.

    None without tokens, and for tokens of another app than the one in use.
    """
    token_owner = (tokens.provider, tokens.open_id, tokens.user_id)
    if tokens.encrypted_access_token is None:
        return None
    if not is_flow_in_use(services, tokens.provider, tokens.flow):
        log.warning("disconnect.not_revoked", provider=tokens.provider, code=LOGIN_CHANGED)
        return None
    access_token = services.key_ring.decrypt(
        tokens.encrypted_access_token, access_token_context(*token_owner)
    )
    if tokens.has_live_token:
        return access_token
    if tokens.encrypted_refresh_token is None or tokens.renewal != RenewalKind.REFRESH_TOKEN:
        return None
    refresh_token = services.key_ring.decrypt(
        tokens.encrypted_refresh_token, refresh_token_context(*token_owner)
    )
    grant = get_flow(services, tokens.provider).renew(
        access_token=access_token, refresh_token=refresh_token
    )
    require_same_account(
        grant, (tokens.open_id,), provider=tokens.provider, account_id=tokens.account_id
    )
    return grant.access_token
