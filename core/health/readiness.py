"""Whether this house can do its work right now, and if not, why. Looks; changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.wiring import World
from db import schema
from db.accounts import ACCOUNTS
from db.beats import Beats
from db.deliveries import DELIVERIES
from db.due import Queue
from db.posts import POSTS, UPLOADS_LANE
from db.session import Database, StoreAway
from db.watches import WATCHES
from db.webhooks import EVENTS

QUEUES: Mapping[str, Queue[Any]] = {
    "webhooks": EVENTS,
    "accounts": ACCOUNTS,
    "posts": POSTS,
    "uploads": UPLOADS_LANE,
    "outbox": DELIVERIES,
    "insights": WATCHES,
}
PATIENT = frozenset({"outbox", "insights"})
"""Kinds that wait for servers of our users, or for which nobody waits: a house goes on serving."""

SILENT = timedelta(seconds=30)  # beat's tick comes every five
OVERDUE = timedelta(minutes=2)  # due work is looked at each second
KEPT = timedelta(seconds=60)  # for which a complete schema is believed to stay complete


@dataclass
class Report:
    """`reasons` is empty when everything is there. Ages in seconds; None: never, or nothing due."""

    reasons: list[str] = field(default_factory=list)
    database: bool = True
    broker: bool = True
    migration: str | None = None
    tick_age: float | None = None
    overdue: dict[str, float | None] = field(default_factory=dict)
    platforms: dict[str, str] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return not self.reasons


class Readiness:
    """One per process: it remembers for a while that the schema was complete."""

    def __init__(self, database: Database, world: World, broker: Callable[[], bool]) -> None:
        """`broker` says whether the broker answers, within a bounded time."""
        self._database, self._world, self._broker = database, world, broker
        self._complete: tuple[str, Any] | None = None  # migration, and until when it is believed

    def report(self) -> Report:
        report = Report(platforms=platforms(self._world))
        report.broker = self._broker()
        if not report.broker:
            report.reasons.append("the broker does not answer")
        try:
            self._schema(report)
            self._rows(report)
        except StoreAway:
            report.database = False
            report.reasons.append("the database does not answer")
        return report

    def _schema(self, report: Report) -> None:
        now = self._world.now()
        if self._complete and now < self._complete[1]:
            report.migration = self._complete[0]
            return
        status = schema.status(self._world.settings.database_url)
        report.migration = status.current
        if status.complete:
            self._complete = (str(status.current), now + KEPT)
        elif status.current != status.head:
            report.reasons.append(f"the schema is at {status.current}, not at {status.head}")
        else:
            report.reasons.append("the schema lacks " + ", ".join(status.missing[:5]))

    def _rows(self, report: Report) -> None:
        if report.migration is None:
            return  # no tables to look into
        with self._database.transaction() as session:
            age = Beats(session).age("tick")
            oldest = {kind: queue.oldest(session) for kind, queue in QUEUES.items()}
        report.tick_age = None if age is None else age.total_seconds()
        if age is None or age > SILENT:
            report.reasons.append(f"no tick of beat for {age}" if age else "beat was never heard")
        now = self._world.now()
        for kind, since in oldest.items():
            report.overdue[kind] = None if since is None else max((now - since).total_seconds(), 0)
            is_pressing = kind not in PATIENT
            if is_pressing and since is not None and now - since > OVERDUE:
                report.reasons.append(f"{kind}: work is overdue since {since:%H:%M:%S} UTC")


def platforms(world: World) -> dict[str, str]:
    """Platform → `on`, or `off` with the settings that are missing."""
    off = {name: "off: " + ", ".join(gaps) for name, gaps in world.settings.missing.items()}
    return off | dict.fromkeys(world.platforms, "on")
