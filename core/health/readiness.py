"""The readiness check behind `/readyz`: whether this installation can work now, and if not, why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
"""Overdue work in these does not make us unready: they wait for other servers, or can wait."""

TICK_TIMEOUT = timedelta(seconds=30)  # beat ticks every five seconds
OVERDUE_LIMIT = timedelta(minutes=2)  # workers look for due rows every second
SCHEMA_CACHE_PERIOD = timedelta(seconds=60)  # a complete schema is checked again after this


@dataclass
class ReadinessReport:
    """The result of the check; ready if there are no `reasons`.

    Units: ages in seconds. None: no tick yet, or nothing due.
    """

    database: bool = True
    broker: bool = True
    schema_faults: list[str] = field(default_factory=list)
    worker_faults: list[str] = field(default_factory=list)
    migration: str | None = None
    tick_age: float | None = None
    overdue: dict[str, float | None] = field(default_factory=dict)
    platforms: dict[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        """Everything that keeps this installation from working."""
        broker_faults = [] if self.broker else ["the broker does not answer"]
        database_faults = [] if self.database else ["the database does not answer"]
        return [*broker_faults, *self.schema_faults, *self.worker_faults, *database_faults]

    @property
    def is_ready(self) -> bool:
        return not self.reasons


class Readiness:
    """The readiness check of a process. Remembers for a while that the schema is complete."""

    def __init__(
        self, database: Database, services: Services, ping_broker: Callable[[], bool]
    ) -> None:
        """`ping_broker` returns within a bounded time whether the broker answers."""
        self._database, self._services, self._ping_broker = database, services, ping_broker
        self._complete_schema: tuple[str, datetime] | None = None  # migration, and until when

    def report(self) -> ReadinessReport:
        report = ReadinessReport(platforms=platform_states(self._services))
        report.broker = self._ping_broker()
        try:
            self._check_schema(report)
            self._check_rows(report)
        except DatabaseUnavailable:
            report.database = False
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
            report.schema_faults.append(
                f"the schema is at migration {status.current}, and the code needs {status.head}"
            )
        else:
            report.schema_faults.append("the schema lacks " + ", ".join(status.missing[:5]))

    def _check_rows(self, report: ReadinessReport) -> None:
        if report.migration is None:
            return  # there are no tables
        with self._database.transaction() as session:
            tick_age = Heartbeats(session).age("tick")
            oldest = {kind: queue.oldest_due_at(session) for kind, queue in QUEUES.items()}
        report.tick_age = None if tick_age is None else tick_age.total_seconds()
        if tick_age is None or tick_age > TICK_TIMEOUT:
            silence = f"for {tick_age}" if tick_age else "yet"
            report.worker_faults.append(f"there was no tick of beat {silence}")
        now = self._services.now()
        for kind, due_at in oldest.items():
            overdue = None if due_at is None else max((now - due_at).total_seconds(), 0)
            report.overdue[kind] = overdue
            is_critical = kind not in NON_CRITICAL_QUEUES
            if is_critical and due_at is not None and now - due_at > OVERDUE_LIMIT:
                report.worker_faults.append(f"{kind}: work is overdue since {due_at:%H:%M:%S} UTC")


def platform_states(services: Services) -> dict[str, str]:
    """Platform → `on`, or `off: ` with the settings that are missing."""
    switched_off = {
        name: "off: " + ", ".join(missing)
        for name, missing in services.settings.missing_names.items()
    }
    return switched_off | dict.fromkeys(services.adapters, "on")
