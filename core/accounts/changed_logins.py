"""Logins of another way of signing in than the settings name now: parked, and resumed afterwards.

Each way has an app and a host of its own: a token of the one is not valid at the other.
"""

from collections.abc import Callable

import structlog

from core.accounts import grant_lifecycle
from core.accounts.grant_lifecycle import LOGIN_CHANGED
from core.bootstrap import Services
from db.accounts.accounts import Account
from db.accounts.changed_logins import ChangedLogins
from db.session import Database, Session

log = structlog.get_logger(__name__)

BATCH_SIZE = 100  # logins of one transaction

LockLogins = Callable[[ChangedLogins], list[Account]]
ChangeLogin = Callable[[Session, Account], None]


def check_login_flows(database: Database, services: Services) -> int:
    """Park the logins of a way of signing in that is not in use, and resume those of the one that
    is. Return how many have changed.
    """
    changed = 0
    for provider, adapter in services.adapters.items():
        if adapter.flow is not None:
            changed += check_platform(database, services, provider, adapter.flow.rules.name)
    return changed


def check_platform(database: Database, services: Services, provider: str, flow: str) -> int:
    def lock_others(logins: ChangedLogins) -> list[Account]:
        return logins.lock_others(provider, flow, limit=BATCH_SIZE)

    def lock_resumable(logins: ChangedLogins) -> list[Account]:
        return logins.lock_resumable(provider, flow, cause=LOGIN_CHANGED, limit=BATCH_SIZE)

    parked = change_all(database, lock_others, park_login)
    resumed = change_all(database, lock_resumable, grant_lifecycle.mark_usable_again)
    if resumed:
        services.wake("posts")
    if parked or resumed:
        log.warning("accounts.login_changed", provider=provider, parked=parked, resumed=resumed)
    return parked + resumed


def change_all(database: Database, lock_logins: LockLogins, change_login: ChangeLogin) -> int:
    """Change all logins that are found, in batches. Return how many."""
    count = 0
    while True:
        with database.transaction() as session:
            logins = lock_logins(ChangedLogins(session))
            for login in logins:
                change_login(session, login)
        count += len(logins)
        if len(logins) < BATCH_SIZE:
            return count


def park_login(session: Session, account: Account) -> None:
    grant_lifecycle.mark_needs_reconnect(session, account, cause=LOGIN_CHANGED)
