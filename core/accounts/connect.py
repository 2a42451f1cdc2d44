"""An account is connected: away to the platform's consent page, and back with a grant.

The state that travels along is one row, used once. Must not know of cookies or addresses of ours
but one: where the user wanted to go, which is never another host.
"""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.accounts import grants
from core.accounts.faults import fault
from core.accounts.granted import Owner, keep, known
from core.errors import Failed, Forbidden
from core.wiring import World
from db.session import Database, Session
from db.states import OAuthStates
from platforms.errors import PlatformError

LONGEST_PATH = 512


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
