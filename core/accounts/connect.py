"""An account is connected: away to the platform's consent page, and back with a grant.

The state that travels along is one row, used once. Must not know of cookies or addresses of ours
but one: where the user wanted to go, which is never another host.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.accounts import grants
from core.accounts.granted import Owner, keep, known
from core.errors import Failed, Forbidden
from core.wiring import World
from db.session import Database, Session
from db.states import OAuthStates
from platforms.errors import (
    AppRefused,
    PlatformError,
    RateLimited,
    Rejected,
    Revoked,
    Unavailable,
)

LONGEST_PATH = 512
FAULTS: Mapping[type[PlatformError], str] = {
    AppRefused: "invalid_credentials",
    RateLimited: "rate_limited",
    Rejected: "token_exchange_failed",
    Revoked: "token_exchange_failed",
    Unavailable: "platform_error",
}
"""Why a code could not be exchanged: the codes of contract T3.11."""

SAID = {
    "access_denied": "access_denied",
    "invalid_scope": "invalid_scope",
    "invalid_request": "invalid_request",
    "unsupported_response_type": "invalid_request",
    "unauthorized_client": "invalid_credentials",
    "server_error": "service_unavailable",
    "temporarily_unavailable": "service_unavailable",
}
"""What a platform says in the address it sends the browser back to; the rest is not repeated."""


@dataclass(frozen=True)
class Departure:
    """Where the browser goes, and the state that must be there again when it comes back."""

    url: str
    state: str


@dataclass(frozen=True)
class Arrival:
    account_id: int
    next_path: str | None


def begin(
    session: Session,
    world: World,
    *,
    user_id: int,
    provider: str,
    next_path: str | None = None,
    switch: bool = False,
) -> Departure:
    """`switch` asks for consent even of who is signed in at the platform. Errors: Misconfigured."""
    oauth = world.platform(provider).oauth
    state = secrets.token_hex(32)
    verifier = secrets.token_urlsafe(48) if world.settings.apps[provider].pkce else None
    OAuthStates(session).open(
        state,
        user_id=user_id,
        provider=provider,
        redirect_after=local(next_path),
        verifier=verifier,
    )
    return Departure(oauth.authorize_url(state=state, switch=switch, verifier=verifier), state)


def local(path: str | None) -> str | None:
    """The path if it surely stays here: browsers read two slashes of any kind as another host."""
    if not path or len(path) > LONGEST_PATH or not path.isprintable() or "\\" in path:
        return None
    parts = urlsplit(path)
    here = path.startswith("/") and not path.startswith("//")
    return path if here and not parts.scheme and not parts.netloc else None


def complete(
    database: Database,
    world: World,
    *,
    user_id: int,
    provider: str,
    code: str,
    state: str,
) -> Arrival:
    """The code becomes a sealed grant of this user.

    Errors, with codes of the catalogue: Misconfigured; Forbidden `invalid_state`; Failed, what
    the platform said; Conflict `account_already_connected`.
    """
    oauth = world.platform(provider).oauth
    with database.transaction() as session:
        started = OAuthStates(session).consume(state, user_id=user_id, provider=provider)
    if started is None:
        raise Forbidden("the state is unknown, used or over", code="invalid_state")
    try:
        grant = oauth.exchange(code, verifier=started.verifier)
    except PlatformError as error:
        raise Failed(f"no exchange: {error.code}", code=fault(error)) from error
    profile = known(world, provider, grant)
    with database.transaction() as session:
        account = keep(session, world, grant, profile, Owner(user_id, provider))
        grants.note(session, account, "account.connected", scope=account.scope)
    world.ring("posts")
    return Arrival(account.id, started.redirect_after)


def said(error: str, error_type: str | None = None) -> str:
    """Our code for the platform's refusal as it stands in the callback's address."""
    if error_type == "non_sandbox_target":
        return "non_sandbox_target"
    return SAID.get(error, "unknown_error")


def fault(error: PlatformError) -> str:
    if error.code in SAID:
        return SAID[error.code]
    return next((code for kind, code in FAULTS.items() if isinstance(error, kind)), "unknown_error")
