"""Signs of life, rows that grow old when beat, broker or workers are away; and the chores."""

from typing import Any

from core.health import alerts, housekeeping
from core.posts import reconcile
from db.beats import Beats
from tasks.bell import ring
from tasks.celery import app
from tasks.context import house
from tasks.queues import CANARY, RESUME, TICK, TIDY, WATCH


@app.task(name=TICK)
def tick() -> None:
    """Beat was heard: beat, broker and a worker are all there."""
    touch("tick")


@app.task(name=CANARY, bind=True)
def canary(self: Any) -> None:
    """Somebody listens to the queue this message came through."""
    touch(f"canary:{self.request.delivery_info['routing_key']}")


@app.task(name=WATCH)
def watch() -> None:
    """Open and end alerts."""
    alerts.check(house().database)


@app.task(name=TIDY)
def tidy() -> None:
    """Delete what has been kept long enough."""
    housekeeping.tidy(house().database, house().world)


@app.task(name=RESUME)
def look_again() -> None:
    """Ask again about published posts whose ids nobody has told."""
    if reconcile.look_again(house().database):
        ring("posts")


def touch(name: str) -> None:
    with house().database.transaction() as session:
        Beats(session).touch(name)
