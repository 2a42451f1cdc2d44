"""Erases what is stored of a person, as a platform or its owner requested it: in steps, until
nothing is left.

The rows of the person's logins go in one transaction; then webhook events, slice by slice.
"""

import secrets
import time
from collections.abc import Collection
from datetime import timedelta

import structlog

from core import audit
from core.accounts import late_events
from core.bootstrap import Services
from core.media import files
from core.outbox import AppEvent, enqueue_events
from core.removal_list import RemovalKind, identify_row, note_removal
from db.account_erasure import AccountErasure, EventErasure
from db.accounts.accounts import Account, Accounts
from db.ops.data_deletions import DataDeletion, DataDeletions
from db.records.destinations import find_destination_store
from db.records.event_records import find_event_records
from db.session import Database, DatabaseUnavailable, Session

REQUEST_BUDGET = timedelta(seconds=3)  # of an HTTP request; housekeeping does the rest
HOUSEKEEPING_BUDGET = timedelta(seconds=10)
MAX_REQUESTS_PER_RUN = 20
DISCONNECTED_EVENT = "account.disconnected"
REQUESTED_BY_PLATFORM, REQUESTED_BY_OWNER = "data_deletion", "by the user"
RETENTION_OVER = "retention"
"""Causes in the events for host applications."""

log = structlog.get_logger(__name__)


def begin_erasure(database: Database, services: Services, request_id: int) -> None:
    """Erase as much as a request has time for. A fault leaves the rest to housekeeping."""
    try:
        erase_requested_data(database, services, request_id, budget=REQUEST_BUDGET)
    except DatabaseUnavailable:
        log.warning("data_deletion.postponed", request=request_id)
    except Exception:
        log.exception("data_deletion.failed", request=request_id)


def erase_all_requested(database: Database, services: Services) -> int:
    """Go on with all requests that are not done. Return how many are done now."""
    with database.transaction() as session:
        request_ids = DataDeletions(session).list_unfinished(limit=MAX_REQUESTS_PER_RUN)
    results = [
        erase_requested_data(database, services, request_id, budget=HOUSEKEEPING_BUDGET)
        for request_id in request_ids
    ]
    return sum(results)


def request_erasure_of_disconnected(database: Database, services: Services) -> int:
    """Delete accounts whose DISCONNECTED_KEPT_DAYS are over. Return how many.

    Their webhook events and files follow with the other requests.
    """
    retention = services.settings.limits.disconnected_retention
    if not retention:
        return 0
    with database.transaction() as session:
        account_ids = Accounts(session).list_disconnected(retention, limit=MAX_REQUESTS_PER_RUN)
    erased = 0
    for account_id in account_ids:
        with database.transaction() as session:
            account = Accounts(session).lock(account_id)
            if account is not None and account.disconnected_at is not None:
                erase_own_login(session, account, services, cause=RETENTION_OVER)
                erased += 1
    return erased


def erase_requested_data(
    database: Database, services: Services, request_id: int, *, budget: timedelta
) -> bool:
    """Erase for one request within the time budget. Return whether nothing is left."""
    deadline = time.monotonic() + budget.total_seconds()
    with database.transaction() as session:
        request = DataDeletions(session).lock_received(request_id)
        if request is None:
            return False
        if not request.logins_erased:
            erase_logins(session, request, services)
    delete_media_files(database, services)
    is_over = False
    while not is_over:  # once at least, however long the rest took
        with database.transaction() as session:
            request = DataDeletions(session).lock_received(request_id)
            if request is None or erase_events(session, request):
                return request is not None
        is_over = time.monotonic() >= deadline
    log.info("data_deletion.continues_later", request=request_id)
    return False


def erase_logins(session: Session, request: DataDeletion, services: Services) -> None:
    """Delete the person's logins, what belongs to them and the person's comments on other posts.

    All their ids are kept for the search of webhook events. The ids of their accounts lead to no
    login: others may have connected these accounts.
    """
    person_id, *other_ids = request.subject_ids
    ids = set(other_ids)
    for account in Accounts(session).list_by_any_id(
        request.provider, person_id, with_disconnected=True
    ):
        ids |= erase_login(session, account)
        request.found = True
    erase_mentions_of(session, request, [person_id, *sorted(ids - {person_id})], services)


def erase_own_login(
    session: Session, account: Account, services: Services, *, cause: str = REQUESTED_BY_OWNER
) -> int:
    """Delete this login alone, at its owner's request or when its retention is over. Return the id
    of the request that the search of webhook events goes on with.

    Nobody gets the code of the request. Former logins of the person with other users stay.
    """
    request = DataDeletions(session).add(
        secrets.token_hex(16), provider=account.provider, person_id=account.open_id
    )
    if request is None:
        raise RuntimeError("a random code was used before")
    note_removal(session, RemovalKind.LOGIN, *identify_row(account))
    person_id = account.open_id
    ids = erase_login(session, account, cause=cause)
    request.found = True
    erase_mentions_of(session, request, [person_id, *sorted(ids - {person_id})], services)
    return request.id


def erase_mentions_of(
    session: Session, request: DataDeletion, ids: Collection[str], services: Services
) -> None:
    """Delete app events and comments of others' posts that name one of these ids, and keep the ids
    for the search of webhook events; hashes of them stay for events that arrive later.
    """
    late_events.omit_events(session, request.provider, ids, services)
    request.subject_ids = list(ids)
    request.logins_erased = True
    EventErasure(session).delete_messages(ids)
    records = find_event_records(session, request.provider)
    if records is not None:
        records.erase_comments_by(ids)


def erase_login(
    session: Session, account: Account, *, cause: str = REQUESTED_BY_PLATFORM
) -> set[str]:
    """Delete one login. Return the platform's ids of the person and the accounts that it opened.

    Its owner's host applications get an event without the person's name.
    """
    store = find_destination_store(session, account.provider)
    destination_ids = set() if store is None else set(store.erase(account.id))
    erasure = AccountErasure(session)
    erasure.erase(account.id)
    audit.record_action(
        session, "account.erased", user_id=account.user_id, subject=f"account:{account.id}"
    )
    ids = {account.open_id, *account.aliases, *destination_ids}
    if account.disconnected_at is None or cause == REQUESTED_BY_OWNER:
        enqueue_events(session, [build_erased_event(account, cause)])
    erasure.delete_account(account.id)
    log.info("data_deletion.login_erased", provider=account.provider, account=account.id)
    return ids


def build_erased_event(account: Account, cause: str) -> AppEvent:
    data = {
        "account_id": account.id,
        "platform": account.provider,
        "open_id": None,
        "name": None,
        "status": "DISCONNECTED",
        "cause": cause,
        "scopes": [],
    }
    return AppEvent(account.user_id, DISCONNECTED_EVENT, f"account:{account.id}", data)


def erase_events(session: Session, request: DataDeletion) -> bool:
    """Delete matching webhook events of one slice. Return whether the request is done with it."""
    events = EventErasure(session)
    if request.events_searched_to < events.last_event_id():
        request.events_searched_to = events.delete_slice(
            request.provider, request.subject_ids, after=request.events_searched_to
        )
        return False
    # A delivery that was being stored when the logins were erased did not know of it: its events
    # appear once it is committed, with ids that have been searched already.
    if not events.await_inserts():
        return False
    events.delete_recent(request.provider, request.subject_ids)
    DataDeletions(session).mark_done(request)
    log.info("data_deletion.done", request=request.id, found=request.found)
    return True


def delete_media_files(database: Database, services: Services) -> None:
    """Delete the files that have expired with their posts, if there is a store of files."""
    if services.media_store is not None:
        while files.delete_expired_files(database, services) == files.DELETE_BATCH_SIZE:
            pass
