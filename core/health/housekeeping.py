"""Deletes rows and files whose retention period is over, in small transactions, oldest first.

Dead letters have no retention period: they stay until a person handles them.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.accounts import erasure, grant_lifecycle
from core.bootstrap import Services
from core.errors import ServiceUnavailable, StorageUnavailable
from core.media import files, leftovers, thumbnails
from db.accounts.grants import Grants
from db.accounts.oauth_states import OAuthState
from db.identity.login_sessions import LoginSession
from db.identity.notifications import Notification
from db.identity.sign_in_failures import SignInFailure
from db.insights.snapshots import MetricSnapshot
from db.ops.alerts import Alert
from db.ops.attempts import Attempt
from db.ops.audit import AuditEntry
from db.ops.calls import Call
from db.ops.data_deletions import DataDeletion
from db.ops.heartbeats import Heartbeats
from db.outbox.endpoints import EndpointSecret
from db.outbox.messages import OutboxMessage
from db.posts.exchanges import PostExchange
from db.posts.post_days import PostDays
from db.retention import MAX_BATCH_ROWS, prune_rows
from db.session import Database
from db.webhooks.erased_subjects import ErasedSubject
from db.webhooks.events import Event
from db.webhooks.refusals import WebhookRefusal

DAY = timedelta(days=1)
TIME_BUDGET_SECONDS = 20.0  # the next run, minutes later, deletes the rest

RETENTION_PERIODS: Mapping[Any, timedelta] = {
    OAuthState.expires_at: DAY,
    EndpointSecret.expires_at: timedelta(0),  # an expired secret signs nothing
    SignInFailure.last_at: DAY,  # core/identity/sign_in_throttle.py counts anew after a day
    Call.at: 2 * DAY,
    WebhookRefusal.last_at: 30 * DAY,
    PostExchange.created_at: 30 * DAY,
    OutboxMessage.created_at: 30 * DAY,  # deletes its deliveries and their attempts as well
    Attempt.started_at: 90 * DAY,
    LoginSession.expires_at: 90 * DAY,
    Notification.created_at: 90 * DAY,
    MetricSnapshot.taken_at: 400 * DAY,
    AuditEntry.at: 400 * DAY,
    Alert.resolved_at: 400 * DAY,
    DataDeletion.completed_at: 400 * DAY,
    ErasedSubject.created_at: 400 * DAY,
}
"""Column → how long rows are kept after the time in it. WEBHOOK_KEPT_DAYS is added to these."""

MAX_MERGED_USERS = 1000  # of one run
HEARTBEAT_RETENTION = 7 * DAY  # after so long a worker does not return under its name

log = structlog.get_logger(__name__)


def run_housekeeping(database: Database, services: Services) -> dict[str, int]:
    """Delete what is too old within the time budget. Return table name → number of deleted rows.

    Requests to erase a person's data come first. Accounts that lost their due time are made due
    again, so that their tokens are refreshed.
    """
    erasure.request_erasure_of_disconnected(database, services)
    erasure.erase_all_requested(database, services)
    deadline = time.monotonic() + TIME_BUDGET_SECONDS
    deleted: dict[str, int] = prune_tables(database, retention_periods(services), deadline=deadline)
    if services.media_store is not None:
        deleted["media"] = look_after_media(database, services)
    with database.transaction() as session:
        Heartbeats(session).delete_silent(HEARTBEAT_RETENTION)
        deleted["tokens"] = grant_lifecycle.purge_dead_tokens(session)
        rescheduled = Grants(session).schedule_missing_refreshes()
    merge_post_counts(database)
    if rescheduled:
        log.warning("housekeeping.rescheduled", accounts=rescheduled)
    if any(deleted.values()):
        log.info(
            "housekeeping.finished", **{table: count for table, count in deleted.items() if count}
        )
    return deleted


def look_after_media(database: Database, services: Services) -> int:
    """Delete expired files and leftovers, and add digests and thumbnails. Return how many expired.

    A store that is away ends it: the next run continues.
    """
    expired = files.sweep_expired_files(database, services)
    try:
        files.add_missing_digests(database, services)
        thumbnails.add_missing_thumbnails(database, services)
        leftovers.delete_leftovers(database, services)
    except (ServiceUnavailable, StorageUnavailable) as error:
        log.warning("housekeeping.media_postponed", reason=str(error))
    return expired


def merge_post_counts(database: Database) -> int:
    """Replace changes of the numbers of posts by sums. Return for how many users."""
    with database.transaction() as session:
        user_ids = PostDays(session).list_unmerged_users(limit=MAX_MERGED_USERS)
    for user_id in user_ids:
        with database.transaction() as session:
            PostDays(session).merge_user(user_id)
    return len(user_ids)


def retention_periods(services: Services) -> dict[Any, timedelta]:
    """Return the retention periods, with the one that operators can set."""
    return {**RETENTION_PERIODS, Event.processed_at: services.settings.limits.webhook_retention}


def prune_tables(
    database: Database, periods: Mapping[Any, timedelta], *, deadline: float
) -> dict[str, int]:
    """Delete a batch of each table in turn until nothing is left or the deadline has passed.

    Every table gets at least one batch, so that none waits for ever behind a large one.
    Units: `deadline` in seconds of the monotonic clock.
    """
    deleted = dict.fromkeys((table_name(column) for column in periods), 0)
    start_times: dict[Any, datetime | None] = dict.fromkeys(periods)  # of each next batch
    while start_times:
        for column, since in list(start_times.items()):
            with database.transaction() as session:
                batch = prune_rows(session, column, older_than=periods[column], since=since)
            deleted[table_name(column)] += batch.count
            start_times[column] = batch.newest
            if batch.count < MAX_BATCH_ROWS:
                del start_times[column]
        if start_times and time.monotonic() >= deadline:
            behind = [table_name(column) for column in start_times]
            log.warning("housekeeping.behind", tables=behind)
            break
    return deleted


def table_name(column: Any) -> str:
    name: str = column.class_.__tablename__
    return name
