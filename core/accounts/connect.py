"""A grant as the platform gave it becomes an account of ours, its tokens sealed on the way in."""

import secrets
from dataclasses import dataclass
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


@dataclass(frozen=True)
class AccountOwner:
    user_id: int
    provider: str


def fetch_profile(services: Services, provider: str, grant: Grant) -> Profile:
    """Name and picture, or only the id: a grant is worth more than how it is shown."""
    try:
        return services.get_platform(provider).oauth.fetch_profile(grant.access_token, grant.scopes)
    except (PlatformError, ServiceUnavailable) as error:
        log_id = getattr(error, "log_id", None)
        log.warning(
            "connect.profile_unavailable", provider=provider, code=error.code, log_id=log_id
        )
        return Profile(external_id=grant.external_id)


def store_grant(
    session: Session,
    services: Services,
    grant: Grant,
    profile: Profile,
    owner: AccountOwner,
) -> Account:
    """Errors: Conflict if the account is connected by another user."""
    token_owner = (owner.provider, grant.external_id, owner.user_id)
    encrypted_grant = encrypt_grant(
        grant, services, access_token_context(*token_owner), refresh_token_context(*token_owner)
    )
    try:
        account = Grants(session).store(
            user_id=owner.user_id,
            provider=owner.provider,
            open_id=grant.external_id,
            scope=",".join(grant.scopes),
            metadata=account_metadata(grant, profile),
            refresh_due_at=Grants.now() + next_refresh_delay(encrypted_grant, in_use=True),
            last_used_at=Grants.now(),
            **token_columns(encrypted_grant, at=database_now(session)),
        )
    except ConnectedByAnotherUser:
        message = "live under another user"
        raise Conflict(message, code="account_already_connected") from None
    grant_lifecycle.on_reconnected(session, account)
    missing_scopes = [
        each for each in services.settings.apps[owner.provider].scopes if each not in grant.scopes
    ]
    if missing_scopes:
        grant_lifecycle.notify_owner(
            session, account, grant_lifecycle.PERMISSIONS_MISSING, why=",".join(missing_scopes)
        )
    return account


def account_metadata(grant: Grant, profile: Profile) -> dict[str, Any]:
    metadata = {
        "union_id": profile.union_id,
        "display_name": profile.display_name,
        "avatar_url": profile.avatar_url,
        "token_type": grant.token_type,
    }
    return {name: value for name, value in metadata.items() if value is not None}


# MERGED core.accounts.connect: An account is connected: away to the platform's consent page, and back with a grant.
#
# The state that travels along is one row, used once. Must not know of cookies or addresses of ours
# but one: where the user wanted to go, which is never another host.

MAX_NEXT_PATH_LENGTH = 512


@dataclass(frozen=True)
class ConsentRedirect:
    """Where the browser goes, and the state that must be there again when it comes back."""

    url: str
    state: str


@dataclass(frozen=True)
class ConnectedAccount:
    account_id: int
    next_path: str | None


def start_connection(
    session: Session,
    services: Services,
    *,
    user_id: int,
    provider: str,
    next_path: str | None = None,
    switch_account: bool = False,
) -> ConsentRedirect:
    """`switch` asks for consent even of who is signed in at the platform. Errors: Misconfigured."""
    oauth = services.get_platform(provider).oauth
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
    """The path if it surely stays here: browsers read two slashes of any kind as another host."""
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
    """The code becomes a sealed grant of this user.

    Errors, with codes of the catalogue: Misconfigured; Forbidden `invalid_state`; Failed, what
    the platform said; Conflict `account_already_connected`.
    """
    oauth = services.get_platform(provider).oauth
    with database.transaction() as session:
        saved_state = OAuthStates(session).consume(state, user_id=user_id, provider=provider)
    if saved_state is None:
        raise Forbidden("the state is unknown, used or over", code="invalid_state")
    try:
        grant = oauth.exchange_code(code, code_verifier=saved_state.verifier)
    except PlatformError as error:
        raise OperationFailed(
            f"no exchange: {error.code}", code=exchange_error_code(error)
        ) from error
    profile = fetch_profile(services, provider, grant)
    with database.transaction() as session:
        account = store_grant(session, services, grant, profile, AccountOwner(user_id, provider))
        grant_lifecycle.record_account_event(
            session, account, "account.connected", scope=account.scope
        )
    services.wake("posts")
    return ConnectedAccount(account.id, saved_state.redirect_after)
