"""An account is let go: what it leaves behind, and the platform told that we are gone.

Our row says so first; the platform is told afterwards, as well as can be, since a platform that
does not answer must not keep anybody connected.
"""

from dataclasses import dataclass

import structlog

from core.accounts import grant_lifecycle
from core.bootstrap import Services
from core.crypto import access_token_context, refresh_token_context
from core.errors import CoreError, Invalid, NotFound
from core.post_state.settle import PostState
from core.post_state.transitions import end_one_post
from db.account_erasure import AccountErasure
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.grants import Grants
from db.posts.parked import ParkedPosts
from db.session import Database, Session
from platforms.errors import PlatformError
from platforms.secret import Secret

log = structlog.get_logger(__name__)

PARK_QUEUED, CANCEL_QUEUED = "hold", "cancel"
DISCONNECTED_REASON = "disconnected"


@dataclass(frozen=True)
class DisconnectResult:
    is_revoked: bool
    parked_posts: int
    cancelled_posts: int


@dataclass(frozen=True)
class RevocableTokens:
    """What the account's tokens were, still sealed; the access token may be over."""

    encrypted_access_token: str | None
    encrypted_refresh_token: str | None
    provider: str
    open_id: str
    user_id: int


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
    """`queued` says what becomes of waiting posts: hold or cancel. `erase` takes all history along.

    Errors: NotFound; Invalid `account_required` if several are connected and none is named.
    """
    with database.transaction() as session:
        account = lock_account(session, user_id, provider, account_id)
        parked, cancelled = park_or_cancel_posts(
            session, account, cancel=erase or queued_posts == CANCEL_QUEUED
        )
        tokens = mark_disconnected(session, account)
        if erase:
            account.details = {}
            grant_lifecycle.delete_notifications(session, account)
            AccountErasure(session).erase(account.id)
        details = {"held": parked, "cancelled": cancelled, "erased": erase}
        grant_lifecycle.record_account_event(session, account, "account.disconnected", **details)
    is_revoked = revoke_at_platform(tokens, services)
    with database.transaction() as session:
        if (remaining_account := Accounts(session).get(account.id)) is not None:
            grant_lifecycle.record_account_event(
                session, remaining_account, "account.told_platform", revoked=is_revoked
            )
    return DisconnectResult(is_revoked, parked, cancelled)


def lock_account(session: Session, user_id: int, provider: str, account_id: int | None) -> Account:
    """The account that is meant, locked."""
    candidates = [
        each
        for each in Accounts(session).list_for_user(user_id, provider)
        if account_id in (None, each.id)
    ]
    if len(candidates) > 1:
        raise Invalid("several accounts are connected", code="account_required")
    found = Accounts(session).lock(candidates[0].id) if candidates else None
    if found is None or found.disconnected_at is not None:
        raise NotFound("no such account is connected")
    return found


def park_or_cancel_posts(session: Session, account: Account, *, cancel: bool) -> tuple[int, int]:
    """How many waiting posts are held, and how many are cancelled."""
    if not cancel:
        return grant_lifecycle.park_posts(session, account, DISCONNECTED_REASON), 0
    queued_posts = ParkedPosts(session).lock_queued(account.id)
    for post in queued_posts:
        end_one_post(session, post, PostState.CANCELLED, "disconnected")
    return 0, len(queued_posts)


def mark_disconnected(session: Session, account: Account) -> RevocableTokens:
    tokens = RevocableTokens(
        account.access_token_encrypted if Grants(session).has_live_token(account.id) else None,
        account.refresh_token_encrypted,
        account.provider,
        account.open_id,
        account.user_id,
    )
    account.status, account.status_cause = AccountStatus.DISCONNECTED, "by the user"
    account.disconnected_at = Grants.now()
    grant_lifecycle.clear_tokens(account)
    grant_lifecycle.resolve_notifications(session, account)
    return tokens


def revoke_at_platform(tokens: RevocableTokens, services: Services) -> bool:
    """Whether the platform was told. With the access token, or one renewed for this alone."""
    try:
        token = token_to_revoke(tokens, services)
        if token is not None:
            services.get_platform(tokens.provider).oauth.revoke(token)
    except (PlatformError, CoreError) as error:
        log.warning("disconnect.not_revoked", provider=tokens.provider, code=error.code)
        return False
    return token is not None


def token_to_revoke(tokens: RevocableTokens, services: Services) -> Secret | None:
    token_owner = (tokens.provider, tokens.open_id, tokens.user_id)
    if tokens.encrypted_access_token is not None:
        return services.key_ring.decrypt(
            tokens.encrypted_access_token, access_token_context(*token_owner)
        )
    if tokens.encrypted_refresh_token is None:
        return None
    refresh_token = services.key_ring.decrypt(
        tokens.encrypted_refresh_token, refresh_token_context(*token_owner)
    )
    return services.get_platform(tokens.provider).oauth.refresh(refresh_token).access_token
