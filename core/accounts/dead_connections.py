"""What a new sign-in at the platform does to connections of other users, and to unused tokens.

A connection whose grant is gone keeps nobody out: whoever signs in at the platform has proved that
the account is theirs. One that works stays with its user.
"""

import structlog

from core.accounts import grant_lifecycle
from core.accounts.disconnect import disconnect_destinations
from core.accounts.sign_in import SignIn
from core.audit import record_action
from core.errors import CoreError
from db.accounts.accounts import Accounts, AccountStatus
from db.accounts.grants import Grants
from db.session import Database, Session
from platforms.errors import PlatformError
from platforms.logins import LoginFlow

log = structlog.get_logger(__name__)

CONNECTED_ELSEWHERE = "connected by another user"
"""`status_cause` of a dead connection whose account another user has connected since."""


def release_dead_login(session: Session, provider: str, login_id: str) -> bool:
    """Disconnect the login of another user if its grant is gone. Return whether it is free now.

    The row keeps its posts and their history; what waited for a reconnect goes on waiting.
    """
    account = Accounts(session).lock_connected(provider, login_id)
    if account is None:
        return True  # disconnected meanwhile
    if not Grants(session).is_grant_gone(account.id):
        return False
    account.status = AccountStatus.DISCONNECTED
    account.status_cause = CONNECTED_ELSEWHERE
    account.disconnected_at = Grants.now()
    grant_lifecycle.clear_tokens(account)
    grant_lifecycle.resolve_notifications(session, account)
    disconnect_destinations(session, account)
    session.flush()  # the unique index has to see it before the new login is written
    grant_lifecycle.record_account_event(
        session, account, "account.disconnected", cause=CONNECTED_ELSEWHERE
    )
    return True


def revoke_unused_grant(
    database: Database, flow: LoginFlow, signed_in: SignIn, *, user_id: int, provider: str
) -> None:
    """Revoke a grant that is not stored: nobody would use its tokens, or could revoke them later.

    Unless a live connection has the same login: platforms revoke the whole grant of a person.
    A platform that refuses is only logged, because the sign-in has failed for another reason.
    """
    with database.transaction() as session:
        if Grants(session).is_login_in_use(provider, signed_in.login_id):
            return
        record_action(session, "account.grant_refused", user_id=user_id, subject=provider)
    try:
        flow.revoke(signed_in.grant.access_token)
    except (PlatformError, CoreError) as error:
        log.warning("connect.grant_not_revoked", provider=provider, code=error.code)
