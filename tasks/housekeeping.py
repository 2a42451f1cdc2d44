"""Signs of life: rows that grow old when beat, broker or workers are away."""

from typing import Any

from db.beats import Beats
from tasks.celery import app
from tasks.context import house
from tasks.queues import CANARY, TICK


@app.task(name=TICK)
def tick() -> None:
    """Beat was heard: beat, broker and a worker are all there."""
    touch("tick")


@app.task(name=CANARY, bind=True)
def canary(self: Any) -> None:
    """Somebody listens to the queue this message came through."""
    touch(f"canary:{self.request.delivery_info['routing_key']}")


def touch(name: str) -> None:
    with house().database.transaction() as session:
        Beats(session).touch(name)
