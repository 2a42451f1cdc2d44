"""What is no count but a state: asked of rows and breakers when somebody looks."""

from core.health.readiness import QUEUES
from core.watch.metrics import CIRCUIT_STATES, Facts
from core.wiring import World
from db.beats import Beats
from db.census import Census, Counts
from db.session import Database, Session, StoreAway


def gather(database: Database, world: World) -> Facts:
    """Whatever cannot be asked right now is left out."""
    found: dict[str, Counts] = {
        "db_pool_in_use": [((), float(database.in_use()))],
        "circuit_state": circuits(world),
    }
    try:
        with database.transaction() as session:
            return {**found, **counted(session), **ages(session, world)}
    except StoreAway:
        return found


def circuits(world: World) -> Counts:
    return [
        ((one.platform, one.kind), CIRCUIT_STATES[one.circuit.state])
        for one in world.circuits.figures(world.platforms)
    ]


def counted(session: Session) -> dict[str, Counts]:
    census = Census(session)
    return {
        "posts": census.posts_under_way(),
        "accounts": census.accounts(),
        "webhook_backlog": census.backlog(),
        "dead_letters": census.dead_letters(),
        "alerts_active": census.alerts(),
        "outbox": census.outbox(),
    }


def ages(session: Session, world: World) -> dict[str, Counts]:
    """In seconds: of beat's last tick, and of what has waited longest of each kind."""
    tick, now = Beats(session).age("tick"), world.now()
    oldest = {kind: queue.oldest(session) for kind, queue in QUEUES.items()}
    return {
        "scheduler_lag_seconds": [] if tick is None else [((), tick.total_seconds())],
        "oldest_due_seconds": [
            ((kind,), max((now - since).total_seconds(), 0.0) if since else 0.0)
            for kind, since in oldest.items()
        ],
    }
