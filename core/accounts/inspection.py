"""Asks platforms once a day whether the tokens of logins are still valid.

The answer can say that a token has been refused, when it ends, which permissions are left, and how
long the platform still answers with data: about that the owner is notified in time.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.accounts import grant_lifecycle
from core.accounts.flows import get_flow
from core.accounts.refresh import notify_lost_scopes
from core.accounts.tokens import AccessToken, access_token_of
from core.accounts.view import EXPIRY_WARNING_PERIOD
from core.bootstrap import Services
from core.errors import CoreError
from core.outcomes import Park
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.grants import Grants
from db.session import Database, Session, database_now
from platforms.errors import PlatformError
from platforms.logins import LoginFlow, TokenInspection

log = structlog.get_logger(__name__)

INSPECTION_INTERVAL = timedelta(days=1)
INSPECTION_BATCH_SIZE = 50  # logins of one run
TIME_BUDGET_SECONDS = 20.0  # of one run; the next one, minutes later, continues


@dataclass(frozen=True)
class InspectionJob:
    provider: str
    token: AccessToken


def inspect_logins(database: Database, services: Services) -> int:
    """Inspect the logins that were not inspected for a day. Return how many were.

    Stops when the time of one run is used up, and at a platform that does not answer.
    """
    deadline = time.monotonic() + TIME_BUDGET_SECONDS
    inspected = 0
    for provider in services.adapters:
        flow = services.adapters[provider].flow
        if flow is None or not flow.rules.can_inspect:
            continue
        for job in list_due_inspections(database, provider):
            if time.monotonic() >= deadline or not inspect_login(database, services, job):
                break
            inspected += 1
    return inspected


def list_due_inspections(database: Database, provider: str) -> list[InspectionJob]:
    with database.transaction() as session:
        due = Grants(session).list_due_for_inspection(
            provider, interval=INSPECTION_INTERVAL, limit=INSPECTION_BATCH_SIZE
        )
        return [InspectionJob(provider, access_token_of(account)) for account in due]


def inspect_login(database: Database, services: Services, job: InspectionJob) -> bool:
    """Ask about one login and record the answer. Return False if there was none."""
    try:
        inspection = ask_platform(get_flow(services, job.provider), job.token, services)
    except (PlatformError, CoreError) as error:
        log.warning("inspection.failed", account=job.token.account_id, code=error.code)
        return False
    except Park:
        return True  # of a way of signing in that is no longer used
    with database.transaction() as session:
        account = Accounts(session).lock(job.token.account_id)
        if account is not None and account.token_version == job.token.version:
            record_inspection(session, account, inspection)
    return True


def ask_platform(flow: LoginFlow, token: AccessToken, services: Services) -> TokenInspection | None:
    return flow.inspect_token(token.decrypt(services))


def record_inspection(
    session: Session, account: Account, inspection: TokenInspection | None
) -> None:
    """Store what the platform said; have a token renewed that it does not accept any more."""
    account.inspected_at = database_now(session)
    if inspection is None or account.status != AccountStatus.ACTIVE:
        return
    if inspection.login_id not in {None, account.open_id, *account.aliases}:
        log.error("inspection.other_account", account=account.id)  # it says nothing of this one
        return
    if not inspection.is_valid:
        log.warning("inspection.invalid_token", account=account.id, code=inspection.code)
        session.flush()
        Grants(session).force_refresh(account.id, version=account.token_version)
        return
    if inspection.expires_at is not None:
        account.expires_at = inspection.expires_at
    if inspection.scopes:
        previous_scope, account.scope = account.scope, ",".join(inspection.scopes)
        notify_lost_scopes(session, account, previous_scope=previous_scope)
    if inspection.data_access_until is not None:
        account.data_access_until = inspection.data_access_until
        notify_end_of_data(session, account, inspection.data_access_until)


def notify_end_of_data(session: Session, account: Account, end: datetime) -> None:
    """Notify the owner once for each end that is near."""
    if end - database_now(session) < EXPIRY_WARNING_PERIOD:
        date = end.date().isoformat()
        grant_lifecycle.notify_owner(
            session, account, grant_lifecycle.ENDS_SOON, deduplication_key=date, why=date
        )
