"""What this installation can do now: serve requests, and do its work.

Whether this process can serve requests is the load balancer's question (`/readyz`). A silent beat,
a backlog, a broker that is away or a newer schema are reported beside it and take no process out of
service: webhooks are still stored, and what is stored is done later. Decision 0040.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from core.bootstrap import Services
from core.health.known_facts import Fact, KnownFact, KnownFacts
from db import Base, schema
from db.accounts.accounts import ACCOUNT_QUEUE
from db.insights.schedule import SAMPLING_QUEUE
from db.leases import JobQueue
from db.ops.heartbeats import Heartbeats
from db.ops.write_probe import NO_ANSWER, find_write_fault
from db.outbox.deliveries import DELIVERY_QUEUE
from db.posts.posts import POST_QUEUE, UPLOAD_QUEUE
from db.session import Database
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
"""Overdue work in these is no fault of ours: they wait for other servers, or can wait."""

TICK_TIMEOUT = timedelta(seconds=30)  # beat ticks every five seconds
OVERDUE_LIMIT = timedelta(minutes=2)  # workers look for due rows every second
SCHEMA_CACHE_PERIOD = timedelta(seconds=60)  # a complete schema is checked again after this

FACTS_MAX_AGE = 1.0  # seconds for which a probe is answered with the last facts
ANSWER_TIMEOUT = 1.0  # seconds in which each of database and broker has to answer


@dataclass(frozen=True)
class TrafficFacts:
    """Whether requests can be served: what the database refuses, and the state of its schema."""

    database_fault: str | None = None
    migration: str | None = None
    schema_faults: tuple[str, ...] = ()
    schema_notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkFacts:
    """Beat's last tick and the oldest due row of each queue.

    Units: ages in seconds. None: no tick yet, or nothing due.
    """

    tick_age: float | None = None
    overdue: Mapping[str, float | None] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


@dataclass
class ReadinessReport:
    """What is known now. `serves_traffic` decides about `/readyz`; `reasons` lists every fault.

    Units: ages in seconds. None: no tick yet, or nothing due. `facts_age` is the age of the oldest
    of these facts; above a second or two, what they are read from does not answer.
    """

    database: bool = True
    broker: bool = True
    database_fault: str = NO_ANSWER
    schema_faults: list[str] = field(default_factory=list)
    schema_notes: list[str] = field(default_factory=list)
    worker_faults: list[str] = field(default_factory=list)
    migration: str | None = None
    tick_age: float | None = None
    overdue: dict[str, float | None] = field(default_factory=dict)
    platforms: dict[str, str] = field(default_factory=dict)
    facts_age: float | None = None

    @property
    def traffic_reasons(self) -> list[str]:
        """What keeps this process from serving requests."""
        database_faults = [] if self.database else [self.database_fault]
        return [*self.schema_faults, *database_faults]

    @property
    def work_reasons(self) -> list[str]:
        """What delays the work of the installation although requests are served."""
        broker_faults = [] if self.broker else ["the broker does not answer"]
        return [*broker_faults, *self.schema_notes, *self.worker_faults]

    @property
    def reasons(self) -> list[str]:
        """Everything that is wrong."""
        return [*self.work_reasons, *self.traffic_reasons]

    @property
    def serves_traffic(self) -> bool:
        return not self.traffic_reasons

    @property
    def is_ready(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.reasons


class Readiness:
    """The readiness check of a process. Every report is there within two seconds.

    Database, due work and broker are asked at the same time, each by one thread at most, and a
    report is made of what is known when the time is up.
    """

    def __init__(
        self, database: Database, services: Services, ping_broker: Callable[[], bool]
    ) -> None:
        """`ping_broker` returns within a bounded time whether the broker answers."""
        self._database, self._services = database, services
        self._complete_schema: tuple[TrafficFacts, datetime] | None = None  # and until when
        self._traffic = known_for_a_moment("traffic-facts", self._gather_traffic_facts)
        self._work = known_for_a_moment("work-facts", self._gather_work_facts)
        self._broker = known_for_a_moment("broker-facts", ping_broker)

    def report(self) -> ReadinessReport:
        for facts in (self._traffic, self._work, self._broker):
            facts.prepare()
        traffic, work, broker = self._traffic.read(), self._work.read(), self._broker.read()
        report = ReadinessReport(platforms=platform_states(self._services))
        add_traffic_facts(report, traffic)
        add_work_facts(report, work)
        report.broker = broker.is_current and bool(broker.value)
        ages = [fact.age for fact in (traffic, work, broker) if fact.age is not None]
        report.facts_age = max(ages, default=None)
        return report

    def _gather_traffic_facts(self) -> TrafficFacts:
        """Try what a request does: store something. Errors: DatabaseUnavailable."""
        facts = self._read_schema()
        if facts.migration is None:
            return facts  # there are no tables
        fault = find_write_fault(self._database, f"serving:{socket.gethostname()}")
        return replace(facts, database_fault=fault)

    def _read_schema(self) -> TrafficFacts:
        now = self._services.now()
        if self._complete_schema and now < self._complete_schema[1]:
            return self._complete_schema[0]
        facts = judge_schema(schema.read_schema_status(self._services.settings.database_url))
        if not facts.schema_faults:
            self._complete_schema = (facts, now + SCHEMA_CACHE_PERIOD)
        return facts

    def _gather_work_facts(self) -> WorkFacts | None:
        """Read heartbeats and due rows; None without tables. Errors: DatabaseUnavailable."""
        traffic = self._traffic.read().value
        if traffic is None or traffic.migration is None:
            return None  # there are no tables, or it is not known whether there are any
        with self._database.transaction() as session:
            tick_age = Heartbeats(session).age("tick")
            oldest = {kind: queue.oldest_due_at(session) for kind, queue in QUEUES.items()}
        return judge_work(tick_age, oldest, now=self._services.now())


def known_for_a_moment(name: str, gather: Callable[[], Fact]) -> KnownFacts[Fact]:
    return KnownFacts(name, gather, max_age=FACTS_MAX_AGE, time_limit=ANSWER_TIMEOUT)


def judge_schema(status: schema.SchemaStatus) -> TrafficFacts:
    """Whether this code can work with the schema. A newer one is the first half of a deploy."""
    if status.current is None or status.current < status.head:
        fault = f"the schema is at migration {status.current}, and the code needs {status.head}"
        return TrafficFacts(migration=status.current, schema_faults=(fault,))
    if status.current > status.head:
        note = f"the schema is at migration {status.current}, newer than this code ({status.head})"
        return TrafficFacts(migration=status.current, schema_notes=(note,))
    lacks = ("the schema lacks " + ", ".join(status.missing[:5]),) if status.missing else ()
    has_all_tables = Base.metadata.tables.keys() <= set(status.tables)
    if has_all_tables:  # without an index or a constraint, requests are still served
        return TrafficFacts(migration=status.current, schema_notes=lacks)
    return TrafficFacts(migration=status.current, schema_faults=lacks)


def judge_work(
    tick_age: timedelta | None, oldest: Mapping[str, datetime | None], *, now: datetime
) -> WorkFacts:
    faults = []
    if tick_age is None or tick_age > TICK_TIMEOUT:
        silence = f"for {tick_age}" if tick_age else "yet"
        faults.append(f"there was no tick of beat {silence}")
    overdue: dict[str, float | None] = {}
    for kind, due_at in oldest.items():
        overdue[kind] = None if due_at is None else max((now - due_at).total_seconds(), 0)
        is_critical = kind not in NON_CRITICAL_QUEUES
        if is_critical and due_at is not None and now - due_at > OVERDUE_LIMIT:
            faults.append(f"{kind}: work is overdue since {due_at:%H:%M:%S} UTC")
    return WorkFacts(None if tick_age is None else tick_age.total_seconds(), overdue, tuple(faults))


def add_traffic_facts(report: ReadinessReport, traffic: KnownFact[TrafficFacts]) -> None:
    """Add what is known of database and schema. Without an answer in time, it does not answer."""
    facts = traffic.value
    if facts is not None:
        report.migration = facts.migration
        report.schema_faults = list(facts.schema_faults)
        report.schema_notes = list(facts.schema_notes)
    if not traffic.is_current:
        report.database = False
    elif facts is not None and facts.database_fault is not None:
        report.database, report.database_fault = False, facts.database_fault


def add_work_facts(report: ReadinessReport, work: KnownFact[WorkFacts | None]) -> None:
    if work.value is not None:
        report.tick_age = work.value.tick_age
        report.overdue = dict(work.value.overdue)
        report.worker_faults = list(work.value.faults)
    if not work.is_current and report.database:
        report.worker_faults.append("what is due could not be read in time")


def platform_states(services: Services) -> dict[str, str]:
    """Platform → `on`, or `off: ` with the settings that are missing."""
    switched_off = {
        name: "off: " + ", ".join(missing)
        for name, missing in services.settings.missing_names.items()
    }
    return switched_off | dict.fromkeys(services.adapters, "on")
