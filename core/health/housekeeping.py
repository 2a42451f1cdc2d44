"""What has been kept long enough goes: small batches, each its own transaction, oldest first.

Rows that still wait for somebody are never old: dead letters stay until they are handled.
"""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from core.accounts import grants
from core.media import files
from core.wiring import World
from db.alerts import Alert
from db.attempts import Attempt
from db.audit import AuditEntry
from db.beats import Beats
from db.calls import Call
from db.endpoints import EndpointSecret
from db.grants import Grants
from db.insights import MetricSnapshot
from db.logins import Login
from db.notices import Notification
from db.outbox import Message
from db.retention import BATCH, prune
from db.session import Database
from db.states import OAuthState
from db.webhooks import Event

DAY = timedelta(days=1)
BUDGET = 20.0  # seconds; what is left is for the next time, a few minutes later

KEPT: Mapping[Any, timedelta] = {
    OAuthState.expires_at: DAY,
    EndpointSecret.expires_at: timedelta(0),  # it signs no more
    Call.at: 2 * DAY,  # limits look back over one
    Message.created_at: 30 * DAY,  # with its deliveries and their log
    Attempt.started_at: 90 * DAY,
    Login.expires_at: 90 * DAY,
    Notification.created_at: 90 * DAY,
    MetricSnapshot.taken_at: 400 * DAY,
    AuditEntry.at: 400 * DAY,
    Alert.resolved_at: 400 * DAY,
}
"""Without what operators decide. Source: contract T0.45."""

SILENT = 7 * DAY  # a process not heard of for so long is not coming back under that name

log = structlog.get_logger(__name__)


def tidy(database: Database, world: World) -> dict[str, int]:
    """Delete what is too old, as far as time allows: how much, by table."""
    until = time.monotonic() + BUDGET
    gone: dict[str, int] = empty(database, ages(world), until=until)
    if world.store is not None:
        gone["media"] = files.sweep(database, world)
    with database.transaction() as session:
        Beats(session).forget(SILENT)
        gone["tokens"] = grants.bury(session)
        strays = Grants(session).reschedule()
    if strays:
        log.warning("housekeeping.rescheduled", accounts=strays)
    if any(gone.values()):
        log.info("housekeeping.tidied", **{table: count for table, count in gone.items() if count})
    return gone


def ages(world: World) -> dict[Any, timedelta]:
    """How long rows are kept, by the time of theirs that it is counted from."""
    return {**KEPT, Event.processed_at: world.settings.limits.webhook_kept}


def empty(database: Database, kept: Mapping[Any, timedelta], *, until: float) -> dict[str, int]:
    """A batch of each table in turn, so that none starves behind a long one; one round at least."""
    gone = dict.fromkeys((table(moment) for moment in kept), 0)
    newest: dict[Any, datetime | None] = dict.fromkeys(kept)
    while newest:
        for moment, since in list(newest.items()):
            with database.transaction() as session:
                batch = prune(session, moment, older_than=kept[moment], since=since)
            gone[table(moment)] += batch.count
            newest[moment] = batch.newest
            if batch.count < BATCH:
                del newest[moment]
        if newest and time.monotonic() >= until:
            log.warning("housekeeping.behind", tables=[table(moment) for moment in newest])
            break
    return gone


def table(moment: Any) -> str:
    name: str = moment.class_.__tablename__
    return name
