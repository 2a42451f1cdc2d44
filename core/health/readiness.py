"""Whether this house can do its work right now, and if not, why. Looks; changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.bootstrap import Services
from db import schema
from db.accounts.accounts import ACCOUNT_QUEUE
from db.insights.schedule import SAMPLING_QUEUE
from db.leases import JobQueue
from db.ops.heartbeats import Heartbeats
from db.outbox.deliveries import DELIVERY_QUEUE
from db.posts.posts import POST_QUEUE, UPLOAD_QUEUE
from db.session import Database, DatabaseUnavailable
from db.webhooks.events import EVENT_QUEUE

QUEUES: Mapping[str, JobQueue[Any]] = {
    "webhooks": EVENT_QUEUE,
    "accounts": ACCOUNT_QUEUE,
    "posts": POST_QUEUE,
    "uploads": UPLOAD_QUEUE,
    "outbox": DELIVERY_QUEUE,
    "insights": SAMPLING_QUEUE,
}
NON_CRITICAL_QUEUES = frozenset({"outbox", "insights"})
"""Kinds that wait for servers of our users, or for which nobody waits: a house goes on serving."""

TICK_TIMEOUT = timedelta(seconds=30)  # beat's tick comes every five
OVERDUE_LIMIT = timedelta(minutes=2)  # due work is looked at each second
SCHEMA_CACHE_PERIOD = timedelta(
    seconds=60
)  # for which a complete schema is believed to stay complete


@dataclass
class ReadinessReport:
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

    def __init__(
        self, database: Database, services: Services, ping_broker: Callable[[], bool]
    ) -> None:
        """`broker` says whether the broker answers, within a bounded time."""
        self._database, self._services, self._ping_broker = database, services, ping_broker
        self._complete_schema: tuple[str, Any] | None = (
            None  # migration, and until when it is believed
        )

    def report(self) -> ReadinessReport:
        report = ReadinessReport(platforms=platform_states(self._services))
        report.broker = self._ping_broker()
        if not report.broker:
            report.reasons.append("the broker does not answer")
        try:
            self._check_schema(report)
            self._check_rows(report)
        except DatabaseUnavailable:
            report.database = False
            report.reasons.append("the database does not answer")
        return report

    def _check_schema(self, report: ReadinessReport) -> None:
        now = self._services.now()
        if self._complete_schema and now < self._complete_schema[1]:
            report.migration = self._complete_schema[0]
            return
        status = schema.read_schema_status(self._services.settings.database_url)
        report.migration = status.current
        if status.is_complete:
            self._complete_schema = (str(status.current), now + SCHEMA_CACHE_PERIOD)
        elif status.current != status.head:
            report.reasons.append(f"the schema is at {status.current}, not at {status.head}")
        else:
            report.reasons.append("the schema lacks " + ", ".join(status.missing[:5]))

    def _check_rows(self, report: ReadinessReport) -> None:
        if report.migration is None:
            return  # no tables to look into
        with self._database.transaction() as session:
            age = Heartbeats(session).age("tick")
            oldest = {kind: queue.oldest_due_at(session) for kind, queue in QUEUES.items()}
        report.tick_age = None if age is None else age.total_seconds()
        if age is None or age > TICK_TIMEOUT:
            report.reasons.append(f"no tick of beat for {age}" if age else "beat was never heard")
        now = self._services.now()
        for kind, since in oldest.items():
            report.overdue[kind] = None if since is None else max((now - since).total_seconds(), 0)
            is_pressing = kind not in NON_CRITICAL_QUEUES
            if is_pressing and since is not None and now - since > OVERDUE_LIMIT:
                report.reasons.append(f"{kind}: work is overdue since {since:%H:%M:%S} UTC")


def platform_states(services: Services) -> dict[str, str]:
    """Platform → `on`, or `off` with the settings that are missing."""
    switched_off = {
        name: "off: " + ", ".join(missing)
        for name, missing in services.settings.missing_names.items()
    }
    return switched_off | dict.fromkeys(services.platforms, "on")
