"""Erases what is stored of a person, as a platform requested it: in steps, until nothing is left.

The rows of the person's logins go in one transaction; then webhook events, slice by slice.
"""

import time
from datetime import timedelta

import structlog

from core import audit
from core.bootstrap import Services
from core.media import files
from core.outbox import AppEvent, enqueue_events
from db.account_erasure import AccountErasure, EventErasure
from db.accounts.accounts import Account, Accounts
from db.ops.data_deletions import DataDeletion, DataDeletions
from db.records.destinations import find_destination_store
from db.records.event_records import find_event_records
from db.session import Database, Session

HOUSEKEEPING_BUDGET = timedelta(seconds=10)
MAX_REQUESTS_PER_RUN = 20
DISCONNECTED_EVENT = "account.disconnected"
ERASED_CAUSE = "data_deletion"

log = structlog.get_logger(__name__)


def erase_all_requested(database: Database, services: Services) -> int:
    """Go on with all requests that are not done. Return how many are done now."""
    with database.transaction() as session:
        request_ids = DataDeletions(session).list_unfinished(limit=MAX_REQUESTS_PER_RUN)
    results = [
        erase_requested_data(database, services, request_id, budget=HOUSEKEEPING_BUDGET)
        for request_id in request_ids
    ]
    return sum(results)


def erase_requested_data(
    database: Database, services: Services, request_id: int, *, budget: timedelta
) -> bool:
    """Erase for one request within the time budget. Return whether nothing is left."""
    deadline = time.monotonic() + budget.total_seconds()
    with database.transaction() as session:
        request = DataDeletions(session).lock_received(request_id)
        if request is None:
            return False
        erase_logins(session, request)
    delete_media_files(database, services)
    while time.monotonic() < deadline:
        with database.transaction() as session:
            request = DataDeletions(session).lock_received(request_id)
            if request is None or erase_events(session, request):
                return request is not None
    log.info("data_deletion.continues_later", request=request_id)
    return False


def erase_logins(session: Session, request: DataDeletion) -> None:
    """Delete the person's logins, what belongs to them and the person's comments on other posts.

    All their ids are kept for the search of webhook events. The ids of their accounts lead to no
    login: others may have connected these accounts.
    """
    person_id, *other_ids = request.subject_ids
    ids = set(other_ids)
    for account in Accounts(session).list_by_any_id(
        request.provider, person_id, with_disconnected=True
    ):
        ids |= {account.open_id, *account.aliases}
        ids |= erase_login(session, account)
        request.found = True
    request.subject_ids = [person_id, *sorted(ids - {person_id})]
    EventErasure(session).delete_messages(request.subject_ids)
    records = find_event_records(session, request.provider)
    if records is not None:
        records.erase_comments_by(request.subject_ids)


def erase_login(session: Session, account: Account) -> set[str]:
    """Delete one login. Return the platform's ids of the accounts that it opened.

    Its owner's host applications get an event without the person's name.
    """
    store = find_destination_store(session, account.provider)
    destination_ids = set() if store is None else set(store.erase(account.id))
    erasure = AccountErasure(session)
    erasure.erase(account.id)
    audit.record_action(
        session, "account.erased", user_id=account.user_id, subject=f"account:{account.id}"
    )
    if account.disconnected_at is None:
        enqueue_events(session, [build_erased_event(account)])
    erasure.delete_account(account.id)
    log.info("data_deletion.login_erased", provider=account.provider, account=account.id)
    return destination_ids


def build_erased_event(account: Account) -> AppEvent:
    data = {
        "account_id": account.id,
        "platform": account.provider,
        "open_id": None,
        "name": None,
        "status": "DISCONNECTED",
        "cause": ERASED_CAUSE,
        "scopes": [],
    }
    return AppEvent(account.user_id, DISCONNECTED_EVENT, f"account:{account.id}", data)


def erase_events(session: Session, request: DataDeletion) -> bool:
    """Delete matching webhook events of one slice. Return whether the request is done with it."""
    events = EventErasure(session)
    last_id = events.last_event_id()
    if request.events_searched_to < last_id:
        request.events_searched_to = events.delete_slice(
            request.provider, request.subject_ids, after=request.events_searched_to
        )
    if request.events_searched_to < last_id:
        return False
    DataDeletions(session).mark_done(request)
    log.info("data_deletion.done", request=request.id, found=request.found)
    return True


def delete_media_files(database: Database, services: Services) -> None:
    """Delete the files that have expired with their posts, if there is a store of files."""
    if services.media_store is not None:
        while files.delete_expired_files(database, services) == files.DELETE_BATCH_SIZE:
            pass
