"""Access tokens handed out: one that lasts, or word when to ask again. Never an expired one.

Must not refresh by itself nor know what tokens are used for.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from core.accounts.refresh import WORK
from core.crypto import Context, access_context
from core.engine.work import run
from core.errors import Away, NeedsReconnect, NotConnected
from core.outcomes import Held, Later
from core.wiring import World
from db.accounts import Account, Accounts, AccountStatus
from db.grants import Grants
from db.session import Database, Session
from platforms.errors import TokenExpired
from platforms.secret import Secret

ON_ITS_WAY = timedelta(seconds=2)
AILING = timedelta(seconds=30)  # the refresh keeps a pace of its own, and wakes who waits for it
GLANCES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0)  # seconds between looks at another's refresh


@dataclass(frozen=True)
class Access:
    """A sealed access token with what it takes to open it, and the version it belongs to."""

    account_id: int
    sealed: str
    context: Context
    version: int

    def open(self, world: World) -> Secret:
        return world.keys.open(self.sealed, self.context)


def at_hand(session: Session, account_ids: Collection[int | None]) -> Sequence[Account]:
    """The accounts of a batch: as long as they are kept, `access` asks and writes nothing more."""
    accounts = Grants(session).several(account_ids)
    idle = [one for one in accounts if one.status == AccountStatus.ACTIVE and not one.used_lately]
    if idle:
        Grants(session).used(*idle)
    return accounts


def access(session: Session, account_id: int | None) -> Access:
    """A token good for at least TOKEN_GUARD_MINUTES.

    Errors: Later while it is being renewed; Held when only a person can renew it;
    NotConnected when the account is gone.
    """
    account = Accounts(session).get(account_id)
    if account is None or account.status == AccountStatus.DISCONNECTED:
        raise NotConnected("the account of this row is no longer connected")
    if account.status != AccountStatus.ACTIVE:
        raise Held("needs_reconnect")
    if not account.used_lately:
        Grants(session).used(account)
    if not (account.lasts or Grants(session).lasts(account.id)):
        Grants(session).hasten(account.id, version=account.token_version)
        failed = account.attempts - (account.leased_until is not None)  # less the one under way
        raise Later(AILING if failed > 0 else ON_ITS_WAY, "token on its way")
    return access_of(account)


def access_of(account: Account) -> Access:
    """Its access token as it is, however long it may last."""
    context = access_context(account.provider, account.open_id, account.user_id)
    return Access(account.id, str(account.access_token_encrypted), context, account.token_version)


def refused(session: Session, used: Access) -> NoReturn:
    """The platform no longer takes this token: renew it, unless that already happened.

    Errors: Later, so that the refused call is repeated with the new token; TokenExpired if this
    one was renewed for such a refusal already, so that the next try counts as one.
    """
    if not Grants(session).force(used.account_id, version=used.version):
        raise TokenExpired("refused although it was renewed a moment ago")
    raise Later(ON_ITS_WAY, "token refused by the platform")


def fresh(
    database: Database, world: World, account_id: int, *, refused: Access | None = None
) -> Access:
    """A token that lasts, renewed right here if need be; single flight by the row's lease.

    Shapes: `refused` is a token that the platform did not take although it should have lasted.
    Errors: NotConnected, NeedsReconnect; Away if it cannot be renewed just now.
    """
    found = look(database, account_id, refused=refused, hasten=True)
    for glance in GLANCES:
        if isinstance(found, Access):
            return found
        if not found:
            break
        if not run(WORK, database, world, only=account_id).claimed:
            time.sleep(glance)
        found = look(database, account_id, refused=refused)
    if isinstance(found, Access):
        return found
    raise Away("the token could not be renewed", retry_after=AILING)


def look(
    database: Database, account_id: int, *, refused: Access | None, hasten: bool = False
) -> Access | bool:
    """The token if it lasts, else whether it is being renewed, or just about to be."""
    with database.transaction() as session:
        account = Accounts(session).locked(account_id)
        if account is None or account.status == AccountStatus.DISCONNECTED:
            raise NotConnected
        if account.status != AccountStatus.ACTIVE:
            raise NeedsReconnect(f"account {account_id}: {account.status_cause}")
        lasts = Grants(session).lasts(account_id)
        if lasts and (refused is None or refused.version != account.token_version):
            Grants(session).used(account)
            return access_of(account)
        if hasten and account.leased_until is None:
            account.due_at = Grants.now()
        return Grants(session).is_under_way(account_id)
