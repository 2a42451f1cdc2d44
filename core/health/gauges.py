"""Queries the gauges of `/metrics`: states that are read at each scrape instead of counted."""

from datetime import timedelta

from core.bootstrap import Services
from core.health.known_facts import KnownFacts
from core.health.readiness import ANSWER_TIMEOUT, QUEUES
from core.health.version import INSTALLED_VERSION
from core.observability.metrics import CIRCUIT_STATE_VALUES, GaugeValues
from core.publishing.quota import is_rule_on, list_rule_kinds, read_rule_limit
from core.replica import Replica
from db.ops.alert_queries import AlertQueries
from db.ops.gauges import LabeledCounts, RowCounts
from db.ops.heartbeats import Heartbeats
from db.pauses import Pauses
from db.session import Database, Session
from platforms.platform import QuotaScope
from platforms.registry import PLATFORMS

QUOTAS_MAX_AGE = 60.0  # seconds; reading them costs more than all other gauges together
DAY = timedelta(days=1)


class Gauges:
    """The gauges of a process. Reading them takes two seconds at most, whatever Postgres does."""

    def __init__(self, database: Database, services: Services) -> None:
        self._database, self._services = database, services
        self._rows = KnownFacts(
            "row-gauges", self._gather_row_gauges, max_age=0.0, time_limit=ANSWER_TIMEOUT
        )
        self._quotas = KnownFacts(
            "quota-gauges",
            self._gather_quota_gauges,
            max_age=QUOTAS_MAX_AGE,
            time_limit=ANSWER_TIMEOUT,
        )

    def collect(self) -> GaugeValues:
        """Return all gauges; those of rows as last known, with their age, if there is no answer."""
        self._quotas.prepare()
        known = self._rows.read()
        age = [] if known.age is None else [((), 0.0 if known.is_current else known.age)]
        return {
            **(known.value or {}),
            "facts_age_seconds": age,
            "quota_used_ratio": self._quotas.read().value or [],
            "db_pool_in_use": [((), float(self._database.connections_in_use()))],
            "db_pool_limit": [((), float(self._database.pool_size))],
            "build_info": [((INSTALLED_VERSION,), 1.0)],
            "circuit_state": circuit_gauges(self._services),
            **replica_gauges(self._services.replica),
        }

    def _gather_row_gauges(self) -> dict[str, LabeledCounts]:
        """Query the gauges of rows. Errors: DatabaseUnavailable."""
        with self._database.transaction() as session:
            return {**row_count_gauges(session), **age_gauges(session, self._services)}

    def _gather_quota_gauges(self) -> LabeledCounts:
        """Query how full the quotas of accounts are. Errors: DatabaseUnavailable."""
        with self._database.transaction() as session:
            return quota_gauges(session, self._services)


def quota_gauges(session: Session, services: Services) -> LabeledCounts:
    """The share of its limit that the fullest account of each platform has used in a day.

    Counted by our own limits from the posts of the last day. 1 means that a post has to wait.
    """
    counts: dict[tuple[int, str, str], int] = {}
    rules = {
        (name, kind): rule
        for name, platform in PLATFORMS.items()
        for rule in platform.quotas.values()
        if rule.scope is QuotaScope.LOGIN
        for kind in list_rule_kinds(platform, rule)
    }
    for held in RowCounts(session).held_slots(within=DAY):
        if rule := rules.get((held.provider, held.kind)):
            key = (held.account_id, held.provider, rule.name)
            counts[key] = counts.get(key, 0) + held.slots
    ratios: dict[str, float] = {}
    for (_, provider, rule_name), count in counts.items():
        settings = services.settings.of_platform(provider)
        rule = PLATFORMS[provider].quotas[rule_name]
        if is_rule_on(rule, settings):
            ratio = count / max(read_rule_limit(rule, settings), 1)
            ratios[provider] = max(ratio, ratios.get(provider, 0.0))
    return [((provider,), ratio) for provider, ratio in ratios.items()]


def circuit_gauges(services: Services) -> LabeledCounts:
    return [
        ((view.platform, view.name), CIRCUIT_STATE_VALUES[view.circuit.state])
        for view in services.circuits.list_circuits(services.adapters)
    ]


def replica_gauges(replica: Replica | None) -> dict[str, LabeledCounts]:
    """Whether this process reads lists from the replica, and how old its answers may be."""
    verdict = replica.verdict if replica else None
    if verdict is None:
        return {}
    lag: LabeledCounts = [] if verdict.lag is None else [((), verdict.lag)]
    return {
        "database_replica_in_use": [((), float(verdict.fault is None))],
        "database_replica_lag_seconds": lag,
    }


def row_count_gauges(session: Session) -> dict[str, LabeledCounts]:
    row_counts = RowCounts(session)
    return {
        "worker_last_success_timestamp": row_counts.last_successes(),
        "accounts": row_counts.accounts(),
        "webhook_backlog": row_counts.backlog(),
        "dead_letters": row_counts.dead_events(),
        "alerts_active": row_counts.alerts(),
        "outbox": row_counts.outbox(),
        "database_synchronous_standbys": [
            ((), float(AlertQueries(session).count_synchronous_standbys()))
        ],
    }


def age_gauges(session: Session, services: Services) -> dict[str, LabeledCounts]:
    """Posts by state, the age of beat's last tick and of the oldest due rows. Units: seconds."""
    row_counts = RowCounts(session)
    posts = row_counts.unfinished_posts()
    tick_age = Heartbeats(session).age("tick")
    now = services.now()
    oldest = {kind: queue.oldest_due_at(session) for kind, queue in QUEUES.items()}
    return {
        "posts": [((each.provider, each.state), float(each.posts)) for each in posts],
        "posts_oldest_seconds": [
            ((each.provider, each.state), max((now - each.oldest_at).total_seconds(), 0.0))
            for each in posts
        ],
        "webhook_oldest_due_seconds": [
            ((provider,), max((now - due_at).total_seconds(), 0.0))
            for provider, due_at in row_counts.oldest_due_events()
        ],
        "paused_seconds": [
            ((each.kind, each.target), max((now - each.paused_at).total_seconds(), 0.0))
            for each in Pauses(session).list_all()
        ],
        "scheduler_lag_seconds": [] if tick_age is None else [((), tick_age.total_seconds())],
        "oldest_due_seconds": [
            ((kind,), max((now - due_at).total_seconds(), 0.0) if due_at else 0.0)
            for kind, due_at in oldest.items()
        ],
    }
