"""What is no count but a state: asked of rows and breakers when somebody looks."""

from core.metrics import CIRCUIT_STATES, Facts
from core.readiness import QUEUES
from core.wiring import World
from db.beats import Beats
from db.session import Database, StoreAway

Measures = list[tuple[tuple[str, ...], float]]


def gather(database: Database, world: World) -> Facts:
    """Whatever cannot be asked right now is left out."""
    circuits = world.circuits.figures(world.platforms)
    found: dict[str, Measures] = {
        "db_pool_in_use": [((), float(database.in_use()))],
        "circuit_state": [
            ((one.platform, one.kind), CIRCUIT_STATES[one.circuit.state]) for one in circuits
        ],
    }
    try:
        with database.transaction() as session:
            tick = Beats(session).age("tick")
            oldest = {kind: queue.oldest(session) for kind, queue in QUEUES.items()}
    except StoreAway:
        return found
    now = world.now()
    if tick is not None:
        found["scheduler_lag_seconds"] = [((), tick.total_seconds())]
    found["oldest_due_seconds"] = [
        ((kind,), max((now - since).total_seconds(), 0.0) if since else 0.0)
        for kind, since in oldest.items()
    ]
    return found
