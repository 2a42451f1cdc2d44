"""What has been kept long enough goes: small batches, each its own transaction, oldest first.

Rows that still wait for somebody are never old: dead letters stay until they are handled.
"""

import time
from datetime import timedelta
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
from db.insights import MetricSnapshot
from db.logins import Login
from db.notices import Notification
from db.retention import BATCH, prune
from db.session import Database
from db.states import OAuthState
from db.webhooks import Event

DAY = timedelta(days=1)
BUDGET = 20.0  # seconds; what is left is for the next time, a few minutes later

KEPT: tuple[tuple[Any, timedelta], ...] = (
    (OAuthState.expires_at, DAY),
    (Call.at, 2 * DAY),  # limits look back over one
    (Event.processed_at, 30 * DAY),  # never under 14: a platform may repeat what it sent
    (Attempt.started_at, 90 * DAY),
    (Login.expires_at, 90 * DAY),
    (Notification.created_at, 90 * DAY),
    (MetricSnapshot.taken_at, 400 * DAY),
    (AuditEntry.at, 400 * DAY),
    (Alert.resolved_at, 400 * DAY),
)
"""How long rows are kept, counted from which of their times. Source: contract T0.45."""

SILENT = 7 * DAY  # a process not heard of for so long is not coming back under that name

log = structlog.get_logger(__name__)


def tidy(database: Database, world: World) -> dict[str, int]:
    """Delete what is too old, as far as time allows: how much, by table."""
    until = time.monotonic() + BUDGET
    gone = {}
    for moment, age in KEPT:
        gone[moment.class_.__tablename__] = emptied(database, moment, age, until=until)
    if world.store is not None:
        gone["media"] = files.sweep(database, world)
    with database.transaction() as session:
        Beats(session).forget(SILENT)
        gone["tokens"] = grants.bury(session)
    if any(gone.values()):
        log.info("housekeeping.tidied", **{table: count for table, count in gone.items() if count})
    return gone


def emptied(database: Database, moment: Any, age: timedelta, *, until: float) -> int:
    """One batch at least, so that no table starves behind a long one."""
    gone = 0
    while True:
        with database.transaction() as session:
            batch = prune(session, moment, older_than=age)
        gone += batch
        if batch < BATCH or time.monotonic() >= until:
            return gone
