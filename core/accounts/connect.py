"""Connect an account: send the browser to the platform's consent page, then store the grant.

The OAuth `state` is one row that can be used once. It also carries where the user wanted to go
next, which is never another host.
"""

import secrets
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import structlog

from core.accounts import grant_lifecycle
from core.accounts.error_codes import exchange_error_code
from core.accounts.refresh import encrypt_grant, next_refresh_delay, token_columns
from core.bootstrap import Services
from core.crypto import access_token_context, refresh_token_context
from core.errors import Conflict, Forbidden, OperationFailed, ServiceUnavailable
from db.accounts.accounts import Account
from db.accounts.grants import ConnectedByAnotherUser, Grants
from db.accounts.oauth_states import OAuthStates
from db.session import Database, Session, database_now
from platforms.base import Grant, Profile
from platforms.errors import PlatformError

log = structlog.get_logger(__name__)

MAX_NEXT_PATH_LENGTH = 512


@dataclass(frozen=True)
class ConsentRedirect:
    """The consent page's URL, and the state that the callback has to bring back."""

    url: str
    state: str


@dataclass(frozen=True)
class ConnectedAccount:
    account_id: int
    next_path: str | None


@dataclass(frozen=True)
class AccountOwner:
    user_id: int
    provider: str


def start_connection(
    session: Session,
    services: Services,
    *,
    user_id: int,
    provider: str,
    next_path: str | None = None,
    switch_account: bool = False,
) -> ConsentRedirect:
    """Store an OAuth state and build the URL of the consent page.

    `switch_account` makes the platform ask for consent even if the browser is signed in there.
    Errors: Misconfigured.
    """
    oauth = services.get_adapter(provider).oauth
    state = secrets.token_hex(32)
    verifier = secrets.token_urlsafe(48) if services.settings.apps[provider].pkce else None
    OAuthStates(session).create(
        state,
        user_id=user_id,
        provider=provider,
        redirect_after=safe_next_path(next_path),
        verifier=verifier,
    )
    return ConsentRedirect(
        oauth.authorize_url(state=state, force_consent=switch_account, code_verifier=verifier),
        state,
    )


def safe_next_path(path: str | None) -> str | None:
    """Return the path if it can only mean this site, else None.

    Browsers read two leading slashes, of either kind, as another host.
    """
    if not path or len(path) > MAX_NEXT_PATH_LENGTH or not path.isprintable() or "\\" in path:
        return None
    parts = urlsplit(path)
    is_absolute_path = path.startswith("/") and not path.startswith("//")
    return path if is_absolute_path and not parts.scheme and not parts.netloc else None


def complete_connection(
    database: Database,
    services: Services,
    *,
    user_id: int,
    provider: str,
    code: str,
    state: str,
) -> ConnectedAccount:
    """Exchange the code for a grant and store it, encrypted, for this user.

    Errors, with a code of `ERROR_CAUSES`: Misconfigured; Forbidden `invalid_state`;
    OperationFailed with the platform's reason; Conflict `account_already_connected`.
    """
    oauth = services.get_adapter(provider).oauth
    with database.transaction() as session:
        saved_state = OAuthStates(session).consume(state, user_id=user_id, provider=provider)
    if saved_state is None:
        raise Forbidden(
            "the OAuth state is unknown, already used or expired: start the connection again",
            code="invalid_state",
        )
    try:
        grant = oauth.exchange_code(code, code_verifier=saved_state.verifier)
    except PlatformError as error:
        raise OperationFailed(
            f"the platform did not exchange the code: {error.code}",
            code=exchange_error_code(error),
        ) from error
    profile = fetch_profile(services, provider, grant)
    grant = replace(grant, platform_user_id=grant.platform_user_id or profile.platform_user_id)
    with database.transaction() as session:
        account = store_grant(session, services, grant, profile, AccountOwner(user_id, provider))
        grant_lifecycle.record_account_event(
            session, account, "account.connected", scope=account.scope
        )
    services.wake("posts")
    return ConnectedAccount(account.id, saved_state.redirect_after)


def fetch_profile(services: Services, provider: str, grant: Grant) -> Profile:
    """Fetch the creator's name and picture; return only the id if the platform refuses.

    A grant is stored without its profile rather than lost. The profile of another account than the
    grant's is dropped.
    """
    try:
        profile = services.get_adapter(provider).oauth.fetch_profile(
            grant.access_token, grant.scopes
        )
    except (PlatformError, ServiceUnavailable) as error:
        log_id = getattr(error, "log_id", None)
        log.warning(
            "connect.profile_unavailable", provider=provider, code=error.code, log_id=log_id
        )
        return Profile(platform_user_id=grant.platform_user_id)
    if None not in (profile.platform_user_id, grant.platform_user_id) and (
        profile.platform_user_id != grant.platform_user_id
    ):
        log.error("connect.profile_of_other_account", provider=provider)
        return Profile(platform_user_id=grant.platform_user_id)
    return profile


def store_grant(
    session: Session,
    services: Services,
    grant: Grant,
    profile: Profile,
    owner: AccountOwner,
) -> Account:
    """Encrypt the grant's tokens and write them to the owner's account, new or reconnected.

    The owner is notified of requested scopes that were not granted.
    Errors: Conflict if the account is connected by another user; as `require_platform_user_id`.
    """
    platform_user_id = require_platform_user_id(grant)
    token_owner = (owner.provider, platform_user_id, owner.user_id)
    encrypted_grant = encrypt_grant(
        grant, services, access_token_context(*token_owner), refresh_token_context(*token_owner)
    )
    try:
        account = Grants(session).store(
            user_id=owner.user_id,
            provider=owner.provider,
            open_id=platform_user_id,
            scope=",".join(grant.scopes),
            metadata=account_metadata(grant, profile),
            refresh_due_at=Grants.now() + next_refresh_delay(encrypted_grant, in_use=True),
            last_used_at=Grants.now(),
            **token_columns(encrypted_grant, at=database_now(session)),
        )
    except ConnectedByAnotherUser:
        message = "another user has connected this account: that user has to disconnect it first"
        raise Conflict(message, code="account_already_connected") from None
    grant_lifecycle.on_reconnected(session, account)
    requested_scopes = services.settings.apps[owner.provider].scopes
    missing_scopes = [scope for scope in requested_scopes if scope not in grant.scopes]
    if missing_scopes:
        grant_lifecycle.notify_owner(
            session, account, grant_lifecycle.PERMISSIONS_MISSING, why=",".join(missing_scopes)
        )
    return account


def require_platform_user_id(grant: Grant) -> str:
    """Errors: OperationFailed `platform_error` if the platform has not named the account."""
    if grant.platform_user_id is None:
        raise OperationFailed("the platform did not name the account", code="platform_error")
    return grant.platform_user_id


def account_metadata(grant: Grant, profile: Profile) -> dict[str, Any]:
    """What is shown of an account; a missing value is left out, so it keeps the stored one."""
    metadata = {
        "union_id": profile.union_id,
        "display_name": profile.display_name,
        "avatar_url": profile.avatar_url,
        "token_type": grant.token_type,
    }
    return {name: value for name, value in metadata.items() if value is not None}
