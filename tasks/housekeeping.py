"""Signs of life, rows that grow old when beat, broker or workers are away; and the chores."""

from typing import Any

from core.health import alerts, housekeeping
from core.publishing.steps import reconcile
from db.ops.heartbeats import Heartbeats
from tasks.celery import app
from tasks.notifier import wake
from tasks.queues import ALERTS_TASK, CANARY_TASK, CLEANUP_TASK, RECHECK_TASK, TICK_TASK
from tasks.runtime import current_container


@app.task(name=TICK_TASK)
def record_tick() -> None:
    """Beat was heard: beat, broker and a worker are all there."""
    record_heartbeat("tick")


@app.task(name=CANARY_TASK, bind=True)
def record_canary(self: Any) -> None:
    """Somebody listens to the queue this message came through."""
    record_heartbeat(f"canary:{self.request.delivery_info['routing_key']}")


@app.task(name=ALERTS_TASK)
def check_alerts() -> None:
    """Open and end alerts."""
    alerts.check_alerts(current_container().database)


@app.task(name=CLEANUP_TASK)
def delete_old_rows() -> None:
    """Delete what has been kept long enough."""
    housekeeping.run_housekeeping(current_container().database, current_container().services)


@app.task(name=RECHECK_TASK)
def recheck_posts() -> None:
    """Ask again about published posts whose ids nobody has told."""
    if reconcile.recheck_posts_without_video_id(current_container().database):
        wake("posts")


def record_heartbeat(name: str) -> None:
    with current_container().database.transaction() as session:
        Heartbeats(session).record(name)
