"""Erases a user: first shuts them out, then revokes their connections, then deletes what is theirs.

Each step can be repeated, so a run that was interrupted is simply run again.
"""

from dataclasses import dataclass

import structlog

from core import audit
from core.accounts import grant_lifecycle
from core.accounts.disconnect import disconnect_account
from core.accounts.erasure import begin_erasure, delete_media_files, erase_own_login
from core.bootstrap import Services
from core.errors import NotFound
from core.identity import sign_in_throttle, users
from core.removal_list import RemovalKind, identify_row, note_removal
from db.accounts.accounts import Account, Accounts
from db.identity.users import User, Users
from db.posts.parked import USER_DISABLED_REASON
from db.session import Database, Session
from db.user_erasure import UserErasure

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ErasedUser:
    """`unrevoked`: connections whose grant the platform did not confirm as revoked."""

    accounts: int
    files: int
    unrevoked: int


def hold_posts(session: Session, user_id: int) -> int:
    """Park all queued posts of a user until they release them themselves. Return how many."""
    return sum(
        grant_lifecycle.park_posts(session, account, USER_DISABLED_REASON)
        for account in Accounts(session).list_all_of_user(user_id)
    )


def erase_user(database: Database, services: Services, user_id: int) -> ErasedUser:
    """Delete a user with their connections, posts, files, keys, sessions, endpoints and messages.

    What stays: entries of the audit log, which name the user by number only, without addresses.
    Errors: NotFound.
    """
    with database.transaction() as session:
        users.disable_user(session, user_id)
        accounts = Accounts(session).list_all_of_user(user_id)
    revoked = [erase_connection(database, services, account) for account in accounts]
    with database.transaction() as session:
        files = UserErasure(session).release_media(user_id)
    delete_media_files(database, services)
    with database.transaction() as session:
        user = Users(session).lock(user_id)
        if user is None:
            raise NotFound(f"there is no user {user_id}")
        delete_user(session, user, accounts=len(accounts))
    log.info("user.erased", user=user_id, accounts=len(accounts))
    return ErasedUser(len(accounts), files, revoked.count(False))


def delete_user(session: Session, user: User, *, accounts: int) -> None:
    """Delete the row and all that belongs to it, after its `accounts` connections."""
    note_removal(session, RemovalKind.USER, *identify_row(user))
    sign_in_throttle.forget_failures(session, user)
    UserErasure(session).erase(user.id)
    Users(session).delete(user.id)
    audit.record_action(
        session, "user.erased", subject=f"user:{user.id}", details={"accounts": accounts}
    )
    audit.forget_addresses(session, user.id)


def erase_connection(database: Database, services: Services, account: Account) -> bool:
    """Erase one connection. Return False if the platform still holds a grant that it was given."""
    if account.disconnected_at is None:
        had_tokens = account.access_token_encrypted is not None
        result = disconnect_account(
            database,
            services,
            user_id=account.user_id,
            provider=account.provider,
            account_id=account.id,
            erase=True,
        )
        return result.is_revoked or not had_tokens
    with database.transaction() as session:
        former = Accounts(session).lock(account.id)
        erasure_id = None if former is None else erase_own_login(session, former, services)
    if erasure_id is not None:
        begin_erasure(database, services, erasure_id)
    return True
