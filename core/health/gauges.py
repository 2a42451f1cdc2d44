"""Queries the gauges of `/metrics`: states that are read at each scrape instead of counted."""

from core.bootstrap import Services
from core.health.known_facts import KnownFacts
from core.health.readiness import ANSWER_TIMEOUT, QUEUES
from core.observability.metrics import CIRCUIT_STATE_VALUES, GaugeValues
from db.ops.alert_queries import AlertQueries
from db.ops.gauges import LabeledCounts, RowCounts
from db.ops.heartbeats import Heartbeats
from db.session import Database, Session


class Gauges:
    """The gauges of a process. Reading them takes two seconds at most, whatever Postgres does."""

    def __init__(self, database: Database, services: Services) -> None:
        self._database, self._services = database, services
        self._rows = KnownFacts(
            "row-gauges", self._gather_row_gauges, max_age=0.0, time_limit=ANSWER_TIMEOUT
        )

    def collect(self) -> GaugeValues:
        """Return all gauges; those of rows as last known, with their age, if there is no answer."""
        known = self._rows.read()
        age = [] if known.age is None else [((), 0.0 if known.is_current else known.age)]
        return {
            **(known.value or {}),
            "facts_age_seconds": age,
            "db_pool_in_use": [((), float(self._database.connections_in_use()))],
            "circuit_state": circuit_gauges(self._services),
        }

    def _gather_row_gauges(self) -> dict[str, LabeledCounts]:
        """Query the gauges of rows. Errors: DatabaseUnavailable."""
        with self._database.transaction() as session:
            return {**row_count_gauges(session), **age_gauges(session, self._services)}


def circuit_gauges(services: Services) -> LabeledCounts:
    return [
        ((view.platform, view.call_class), CIRCUIT_STATE_VALUES[view.circuit.state])
        for view in services.circuits.list_circuits(services.adapters)
    ]


def row_count_gauges(session: Session) -> dict[str, LabeledCounts]:
    row_counts = RowCounts(session)
    return {
        "posts": row_counts.due_posts(),
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
    """The age of beat's last tick and of each queue's oldest due row. Units: seconds."""
    tick_age = Heartbeats(session).age("tick")
    now = services.now()
    oldest = {kind: queue.oldest_due_at(session) for kind, queue in QUEUES.items()}
    return {
        "scheduler_lag_seconds": [] if tick_age is None else [((), tick_age.total_seconds())],
        "oldest_due_seconds": [
            ((kind,), max((now - due_at).total_seconds(), 0.0) if due_at else 0.0)
            for kind, due_at in oldest.items()
        ],
    }
