"""An account is let go: what it leaves behind, and the platform told that we are gone.

Our row says so first; the platform is told afterwards, as well as can be, since a platform that
does not answer must not keep anybody connected.
"""

from dataclasses import dataclass

import structlog

from core.accounts import grants
from core.crypto import access_context, refresh_context
from core.errors import CoreError, Invalid, NotFound
from core.ledger.news import finish
from core.ledger.settle import State
from core.wiring import World
from db.accounts import Account, Accounts, AccountStatus
from db.estates import Estates
from db.grants import Grants
from db.holds import Holds
from db.session import Database, Session
from platforms.errors import PlatformError
from platforms.secret import Secret

log = structlog.get_logger(__name__)

HOLD, CANCEL = "hold", "cancel"
DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class Parting:
    revoked: bool
    held: int
    cancelled: int


@dataclass(frozen=True)
class Keys:
    """What the account's tokens were, still sealed; the access token may be over."""

    access: str | None
    refresh: str | None
    provider: str
    open_id: str
    user_id: int


def disconnect(
    database: Database,
    world: World,
    *,
    user_id: int,
    provider: str,
    account_id: int | None = None,
    erase: bool = False,
    queued: str = HOLD,
) -> Parting:
    """`queued` says what becomes of waiting posts: hold or cancel. `erase` takes all history along.

    Errors: NotFound; Invalid `account_required` if several are connected and none is named.
    """
    with database.transaction() as session:
        account = chosen(session, user_id, provider, account_id)
        held, cancelled = queue(session, account, cancel=erase or queued == CANCEL)
        keys = part(session, account)
        if erase:
            account.details = {}
            grants.forgotten(session, account)
            Estates(session).erase(account.id)
        told = {"held": held, "cancelled": cancelled, "erased": erase}
        grants.note(session, account, "account.disconnected", **told)
    is_revoked = revoke(keys, world)
    with database.transaction() as session:
        if (left := Accounts(session).get(account.id)) is not None:
            grants.note(session, left, "account.told_platform", revoked=is_revoked)
    return Parting(is_revoked, held, cancelled)


def chosen(session: Session, user_id: int, provider: str, account_id: int | None) -> Account:
    """The account that is meant, locked."""
    candidates = [
        each
        for each in Accounts(session).of_user(user_id, provider)
        if account_id in (None, each.id)
    ]
    if len(candidates) > 1:
        raise Invalid("several accounts are connected", code="account_required")
    found = Accounts(session).locked(candidates[0].id) if candidates else None
    if found is None or found.disconnected_at is not None:
        raise NotFound("no such account is connected")
    return found


def queue(session: Session, account: Account, *, cancel: bool) -> tuple[int, int]:
    """How many waiting posts are held, and how many are cancelled."""
    if not cancel:
        return grants.park(session, account, DISCONNECTED), 0
    waiting = Holds(session).queued(account.id)
    for post in waiting:
        finish(session, post, State.CANCELLED, "disconnected")
    return 0, len(waiting)


def part(session: Session, account: Account) -> Keys:
    keys = Keys(
        account.access_token_encrypted if Grants(session).alive(account.id) else None,
        account.refresh_token_encrypted,
        account.provider,
        account.open_id,
        account.user_id,
    )
    account.status, account.status_cause = AccountStatus.DISCONNECTED, "by the user"
    account.disconnected_at = Grants.now()
    grants.wipe(account)
    grants.settled(session, account)
    return keys


def revoke(keys: Keys, world: World) -> bool:
    """Whether the platform was told. With the access token, or one renewed for this alone."""
    try:
        token = opened(keys, world)
        if token is not None:
            world.platform(keys.provider).oauth.revoke(token)
    except (PlatformError, CoreError) as error:
        log.warning("disconnect.not_revoked", provider=keys.provider, code=error.code)
        return False
    return token is not None


def opened(keys: Keys, world: World) -> Secret | None:
    who = (keys.provider, keys.open_id, keys.user_id)
    if keys.access is not None:
        return world.keys.open(keys.access, access_context(*who))
    if keys.refresh is None:
        return None
    refresh_token = world.keys.open(keys.refresh, refresh_context(*who))
    return world.platform(keys.provider).oauth.refresh(refresh_token).access_token
