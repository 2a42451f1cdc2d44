"""Queries the gauges of `/metrics`: states that are read at each scrape instead of counted."""

from core.bootstrap import Services
from core.health.readiness import QUEUES
from core.observability.metrics import CIRCUIT_STATE_VALUES, GaugeValues
from db.ops.gauges import LabeledCounts, RowCounts
from db.ops.heartbeats import Heartbeats
from db.session import Database, DatabaseUnavailable, Session


def collect_gauges(database: Database, services: Services) -> GaugeValues:
    """Return all gauges; without a database, those that need none."""
    gauges: dict[str, LabeledCounts] = {
        "db_pool_in_use": [((), float(database.connections_in_use()))],
        "circuit_state": circuit_gauges(services),
    }
    try:
        with database.transaction() as session:
            return {**gauges, **row_count_gauges(session), **age_gauges(session, services)}
    except DatabaseUnavailable:
        return gauges


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
        "dead_letters": row_counts.dead_letters(),
        "alerts_active": row_counts.alerts(),
        "outbox": row_counts.outbox(),
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
