"""Logins of a restored backup whose tokens are not renewed by a refresh token: their platform is
asked whether the token is still valid before it is used.
"""

import structlog

from core.accounts import grant_lifecycle
from core.accounts.flows import get_flow
from core.accounts.grant_lifecycle import LOGIN_CHANGED, RESTORED, REVOKED
from core.accounts.tokens import AccessToken, access_token_of
from core.bootstrap import Services
from core.errors import CoreError
from core.outcomes import Park
from db.accounts.accounts import Account, Accounts
from db.accounts.changed_logins import ChangedLogins
from db.session import Database, Session
from platforms.errors import PlatformError, Revoked, TokenExpired

log = structlog.get_logger(__name__)

BATCH_SIZE = 100  # logins of one platform in one run; the next one, minutes later, continues


def confirm_restored_logins(database: Database, services: Services) -> int:
    """Take logins into use again that their platform accepts. Return how many were decided.

    Stops at a platform that does not answer.
    """
    decided = 0
    for provider, adapter in services.adapters.items():
        if adapter.flow is None:
            continue
        with database.transaction() as session:
            logins = ChangedLogins(session).list_waiting(provider, RESTORED, limit=BATCH_SIZE)
            tokens = [access_token_of(account) for account in logins]
        for token in tokens:
            if not confirm_login(database, services, provider, token):
                break
            decided += 1
    if decided:
        services.wake("posts")
    return decided


def confirm_login(
    database: Database, services: Services, provider: str, token: AccessToken
) -> bool:
    """Return False if the platform gave no answer, so that nothing is decided."""
    try:
        cause = find_refusal(services, provider, token)
    except (PlatformError, CoreError) as error:
        log.warning("restored_login.not_confirmed", account=token.account_id, code=error.code)
        return False
    with database.transaction() as session:
        account = Accounts(session).lock(token.account_id)
        is_same = account is not None and account.token_version == token.version
        if account is not None and is_same and account.status_cause == RESTORED:
            record_answer(session, account, cause)
    return True


def find_refusal(services: Services, provider: str, token: AccessToken) -> str | None:
    """Return why the token may not be used; None if it may, as far as its platform can say."""
    flow = get_flow(services, provider)
    try:
        if not flow.rules.can_inspect:
            return None
        inspection = flow.inspect_token(token.decrypt(services))
    except Park:
        return LOGIN_CHANGED
    except (Revoked, TokenExpired):
        return REVOKED
    return None if inspection is None or inspection.is_valid else REVOKED


def record_answer(session: Session, account: Account, cause: str | None) -> None:
    if cause is None:
        grant_lifecycle.mark_usable_again(session, account)
    else:
        grant_lifecycle.mark_needs_reconnect(session, account, cause=cause)
