"""Webhook subscriptions of destinations: made when an account is chosen, repaired every day.

A platform that refuses a subscription does not keep the account from being connected: the refusal
is stored and shown, and tried again by the next repair.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.accounts.grant_lifecycle import LOGIN_CHANGED
from core.accounts.posting_tokens import PostingToken
from core.accounts.tokens import access_token_of
from core.bootstrap import Services
from core.errors import CoreError, ServiceUnavailable
from core.outcomes import Park
from db.accounts.accounts import Account, Accounts, AccountStatus
from db.accounts.destinations import StoredDestination
from db.records.destinations import DESTINATION_STORES, find_destination_store
from db.session import Database, Session
from platforms.errors import PlatformError, Unavailable
from platforms.logins import Destination, WebhookSubscriber

log = structlog.get_logger(__name__)

CHECK_INTERVAL = timedelta(days=1)
REPAIR_BATCH_SIZE = 50  # destinations of one run
TIME_BUDGET_SECONDS = 20.0  # of one run; the next one, minutes later, continues
INLINE_BUDGET_SECONDS = 8.0  # of the subscriptions that a request makes itself
MAX_ERROR_LENGTH = 300  # characters of a stored refusal


@dataclass(frozen=True)
class SubscriptionJob:
    destination: StoredDestination
    token: PostingToken


def subscribe_destinations(
    database: Database, services: Services, destination_ids: Collection[int], provider: str
) -> None:
    """Subscribe these destinations to the platform's webhooks, and record what it answered.

    A person waits for this: what is left after some seconds is done by the next repair.
    """
    subscriber = find_subscriber(services, provider)
    deadline = time.monotonic() + INLINE_BUDGET_SECONDS
    for destination_id in destination_ids:
        if subscriber is None or time.monotonic() >= deadline:
            return
        with database.transaction() as session:
            job = build_job(session, provider, destination_id)
        if job is not None:
            run_subscription(database, services, subscriber, job, check_first=False)


def list_subscription_jobs(session: Session, login: Account) -> list[SubscriptionJob]:
    """Read what ending the subscriptions of a login's destinations needs, while it has tokens."""
    store = find_destination_store(session, login.provider)
    destinations = [] if store is None else store.list_for_login(login.id)
    jobs = [
        build_job(session, login.provider, destination.id)
        for destination in destinations
        if destination.is_selected
    ]
    return [job for job in jobs if job is not None]


def unsubscribe_destinations(
    database: Database, services: Services, destination_ids: Collection[int], provider: str
) -> None:
    """End the subscriptions of these destinations, on a best-effort basis and for some seconds."""
    deadline = time.monotonic() + INLINE_BUDGET_SECONDS
    for destination_id in destination_ids:
        if time.monotonic() >= deadline:
            return
        with database.transaction() as session:
            job = build_job(session, provider, destination_id)
        if job is not None:
            end_subscription(services, job)


def end_subscription(services: Services, job: SubscriptionJob) -> None:
    subscriber = find_subscriber(services, job.token.provider)
    if subscriber is None:
        return
    try:
        token = job.token.decrypt(services)
        subscriber.unsubscribe(to_destination(job.destination), token)
    except (PlatformError, CoreError) as error:
        log.warning("subscription.not_ended", destination=job.destination.id, code=error.code)
    except Park:
        log.warning("subscription.not_ended", destination=job.destination.id, code=LOGIN_CHANGED)


def repair_subscriptions(database: Database, services: Services) -> int:
    """Check the subscriptions that were not checked for a day, and renew missing ones.

    Returns how many were checked. Stops when the time of one run is used up, and at a platform
    that does not answer.
    """
    deadline = time.monotonic() + TIME_BUDGET_SECONDS
    checked = 0
    for provider in DESTINATION_STORES.keys() & services.adapters.keys():
        subscriber = find_subscriber(services, provider)
        if subscriber is None:
            continue
        for job in list_due_jobs(database, provider):
            if time.monotonic() >= deadline:
                break
            if not run_subscription(database, services, subscriber, job, check_first=True):
                break
            checked += 1
    return checked


def list_due_jobs(database: Database, provider: str) -> list[SubscriptionJob]:
    with database.transaction() as session:
        store = find_destination_store(session, provider)
        due = (
            []
            if store is None
            else store.list_due_for_subscription(interval=CHECK_INTERVAL, limit=REPAIR_BATCH_SIZE)
        )
        jobs = [build_job(session, provider, destination.id) for destination in due]
    return [job for job in jobs if job is not None]


def build_job(session: Session, provider: str, destination_id: int) -> SubscriptionJob | None:
    """Read what a subscription needs; None if its login has no valid tokens."""
    store = find_destination_store(session, provider)
    destination = None if store is None else store.get(destination_id)
    login = None if destination is None else Accounts(session).get(destination.account_id)
    if destination is None or login is None or login.status != AccountStatus.ACTIVE:
        return None
    return SubscriptionJob(destination, PostingToken(access_token_of(login), destination, provider))


def run_subscription(
    database: Database,
    services: Services,
    subscriber: WebhookSubscriber,
    job: SubscriptionJob,
    *,
    check_first: bool,
) -> bool:
    """Subscribe, unless it is already there, and record the result.

    Returns False if the platform did not answer, so that nothing is known.
    """
    destination = to_destination(job.destination)
    try:
        token = job.token.decrypt(services)
        fallback = job.token.decrypt_fallback(services)
        if not (check_first and subscriber.read_subscription(destination, token, fallback)):
            subscriber.subscribe(destination, token, fallback)
        error = None
    except Park:
        return True  # of a way of signing in that is no longer used
    except (Unavailable, ServiceUnavailable) as unavailable:
        log.warning("subscription.unknown", destination=job.destination.id, code=unavailable.code)
        return False
    except (PlatformError, CoreError) as refusal:
        log.warning("subscription.refused", destination=job.destination.id, code=refusal.code)
        error = f"{refusal.code}: {refusal}"[:MAX_ERROR_LENGTH]
    with database.transaction() as session:
        store = find_destination_store(session, job.token.provider)
        if store is not None:
            store.record_subscription(job.destination.id, error)
    return True


def to_destination(stored: StoredDestination) -> Destination:
    """Return the destination as the adapter describes it, without its token."""
    return Destination(
        external_id=stored.external_id,
        name=stored.name,
        handle=stored.handle,
        account_type=stored.account_type,
        details=stored.details,
    )


def find_subscriber(services: Services, provider: str) -> WebhookSubscriber | None:
    """Return what subscribes at a platform; None if it is off, or sends webhooks by itself."""
    adapter = services.adapters.get(provider)
    return None if adapter is None else adapter.subscriber
