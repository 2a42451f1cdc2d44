"""Connect an account: send the browser to the platform's consent page, then store the grant.

The OAuth `state` is one row that can be used once. It also carries where the user wanted to go
next, which is never another host.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog

from core import audit
from core.accounts import grant_lifecycle, late_events
from core.accounts.dead_connections import release_dead_login, revoke_unused_grant
from core.accounts.destinations import SavedDestinations, save_destinations
from core.accounts.flows import get_flow
from core.accounts.pictures import request_pictures
from core.accounts.renewal import EncryptedGrant, encrypt_grant, next_refresh_delay, token_columns
from core.accounts.sign_in import SignIn, complete_sign_in, sign_in
from core.accounts.subscriptions import subscribe_destinations
from core.accounts.view import requested_scopes
from core.bootstrap import Services
from core.crypto import access_token_context, refresh_token_context
from core.errors import Conflict, CoreError, Forbidden
from db.accounts.accounts import Account
from db.accounts.grants import FLOW_KEY, RENEWAL_KEY, ConnectedByAnotherUser, Grants
from db.accounts.oauth_states import OAuthState, OAuthStates
from db.ops.audit import CONNECT_REFUSED, CONNECTED
from db.session import Database, Session, database_now
from platforms.logins import RenewalKind

log = structlog.get_logger(__name__)

MAX_NEXT_PATH_LENGTH = 512
START_STEP = "started"
"""Sending the browser to the platform, as metrics name it."""

CONNECTION_STEPS = ("callback", "exchanged", "stored")
"""What happens once the browser is back: each step is reported as it ends."""


@dataclass(frozen=True)
class ConsentRedirect:
    """The consent page's URL, and the state that the callback has to bring back."""

    url: str
    state: str


@dataclass(frozen=True)
class ConnectedAccount:
    """`needs_choice`: its owner has to choose which of several accounts are posted to."""

    account_id: int
    next_path: str | None
    needs_choice: bool = False


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
    flow = get_flow(services, provider)
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
        flow.authorize_url(state=state, force_consent=switch_account, code_verifier=verifier),
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
    report_step: Callable[[str], None] = lambda _step: None,
) -> ConnectedAccount:
    """Sign in with the code and store the login and what it opens, encrypted, for this user.

    `report_step` is called with each of `CONNECTION_STEPS` as it ends.
    Errors, with a code of `ERROR_CAUSES`: Misconfigured; Forbidden `invalid_state`;
    OperationFailed with the platform's reason; Conflict `account_already_connected`.
    """
    flow = get_flow(services, provider)
    saved_state = consume_state(database, state, AccountOwner(user_id, provider))
    report_step("callback")
    signed_in = sign_in(flow, provider=provider, code=code, code_verifier=saved_state.verifier)
    report_step("exchanged")
    try:
        account, saved = complete_login(
            database, services, signed_in, AccountOwner(user_id, provider)
        )
    except CoreError:
        revoke_unused_grant(database, flow, signed_in, user_id=user_id, provider=provider)
        raise
    report_step("stored")
    subscribe_destinations(
        database, services, [item.id for item in saved.usable if item.is_selected], provider
    )
    services.wake("posts")
    return ConnectedAccount(account.id, saved_state.redirect_after, saved.needs_choice)


def record_refusal(database: Database, provider: str, *, step: str, code: str) -> None:
    """Record that connecting an account ended without one; `code` is one of `ERROR_CAUSES`."""
    with database.transaction() as session:
        audit.record_action(
            session, CONNECT_REFUSED, subject=provider, details={"step": step, "code": code}
        )


def consume_state(database: Database, state: str, owner: AccountOwner) -> OAuthState:
    """Take the state of a connection that this user began. Errors: Forbidden `invalid_state`."""
    with database.transaction() as session:
        saved_state = OAuthStates(session).consume(
            state, user_id=owner.user_id, provider=owner.provider
        )
    if saved_state is None:
        raise Forbidden(
            "the OAuth state is unknown, already used or expired: start the connection again",
            code="invalid_state",
        )
    return saved_state


def complete_login(
    database: Database, services: Services, signed_in: SignIn, owner: AccountOwner
) -> tuple[Account, SavedDestinations]:
    """Find out what the login opens, and store both.

    Errors: as `complete_sign_in` and `store_login`.
    """
    flow = get_flow(services, owner.provider)
    signed_in = complete_sign_in(flow, signed_in, provider=owner.provider)
    with database.transaction() as session:
        account, saved = store_login(session, services, signed_in, owner)
        grant_lifecycle.record_account_event(
            session,
            account,
            CONNECTED,
            scope=account.scope,
            provider=account.provider,
        )
    return account, saved


def store_login(
    session: Session, services: Services, signed_in: SignIn, owner: AccountOwner
) -> tuple[Account, SavedDestinations]:
    """Write the login, new or reconnected, and the accounts it opens, in one transaction.

    The owner is notified of requested scopes that were not granted.
    Errors: Conflict if the account, or all it opens, is connected by another user.
    """
    account = store_grant(session, services, signed_in, owner)
    saved = save_destinations(session, services, account, signed_in)
    ids = [account.open_id, *account.aliases, *(item.external_id for item in saved.stored)]
    late_events.accept_events(session, owner.provider, ids, services)
    request_pictures(session, account, saved.stored)
    grant_lifecycle.on_reconnected(session, account)
    requested = requested_scopes(services, owner.provider)
    missing_scopes = [scope for scope in requested if scope not in signed_in.scopes]
    if missing_scopes:
        grant_lifecycle.notify_owner(
            session, account, grant_lifecycle.PERMISSIONS_MISSING, why=",".join(missing_scopes)
        )
    return account, saved


def store_grant(
    session: Session, services: Services, signed_in: SignIn, owner: AccountOwner
) -> Account:
    """Encrypt the grant's tokens and write them to the owner's account.

    A dead connection of another user is disconnected first.
    Errors: Conflict if the account is connected by another user and works.
    """
    token_owner = (owner.provider, signed_in.login_id, owner.user_id)
    encrypted_grant = encrypt_grant(
        signed_in.grant,
        services,
        access_token_context(*token_owner),
        refresh_token_context(*token_owner),
        rule=signed_in.rules.renewal,
    )
    columns = grant_columns(session, signed_in, encrypted_grant)
    owned_login: dict[str, Any] = {
        "user_id": owner.user_id,
        "provider": owner.provider,
        "open_id": signed_in.login_id,
    }
    try:
        return Grants(session).store(**owned_login, **columns)
    except ConnectedByAnotherUser:
        if release_dead_login(session, owner.provider, signed_in.login_id):
            return Grants(session).store(**owned_login, **columns)
        message = (
            "another user has connected this account, and the connection works: that user, or an"
            " operator with `signalpost accounts disconnect`, has to disconnect it first"
        )
        raise Conflict(message, code="account_already_connected") from None


def grant_columns(
    session: Session, signed_in: SignIn, encrypted_grant: EncryptedGrant
) -> dict[str, Any]:
    """The columns of an account that a new grant sets."""
    delay = next_refresh_delay(encrypted_grant, in_use=True)
    return {
        "scope": ",".join(signed_in.scopes),
        "metadata": account_metadata(signed_in, encrypted_grant),
        "aliases": list(signed_in.identity.aliases),
        "data_access_until": signed_in.grant.data_access_until,
        "refresh_due_at": None if delay is None else Grants.now() + delay,
        "last_used_at": Grants.now(),
        **token_columns(encrypted_grant, at=database_now(session)),
    }


def account_metadata(signed_in: SignIn, grant: EncryptedGrant) -> dict[str, Any]:
    """What is shown of an account; a missing value is left out, so it keeps the stored one.

    How it is renewed is stored where that is not by a refresh token.
    """
    identity = signed_in.identity
    metadata = {
        **identity.details,
        "display_name": identity.display_name,
        "avatar_url": identity.avatar_url,
        "token_type": signed_in.grant.token_type,
    }
    if grant.renewal != RenewalKind.REFRESH_TOKEN:
        metadata |= {RENEWAL_KEY: grant.renewal.value, FLOW_KEY: signed_in.rules.name}
    return {name: value for name, value in metadata.items() if value is not None}
