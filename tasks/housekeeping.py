"""Periodic tasks: heartbeats of beat, broker and workers, alerts, cleanup, rechecks of posts."""

from typing import Any

from core import accounts, publishing
from core.health import alerts, housekeeping
from db.ops.heartbeats import Heartbeats
from tasks.celery import app
from tasks.queues import (
    ALERTS_TASK,
    CANARY_TASK,
    CHECK_LOGINS_TASK,
    CLEANUP_TASK,
    PICTURES_TASK,
    RECHECK_TASK,
    TICK_TASK,
)
from tasks.runtime import current_container, run_job_type
from tasks.wake import wake


@app.task(name=TICK_TASK)
def record_tick() -> None:
    """Record that a message of beat came through the broker to a worker."""
    record_heartbeat("tick")


@app.task(name=CANARY_TASK, bind=True)
def record_canary(self: Any) -> None:
    """Record that a worker consumes the queue this message was sent to."""
    record_heartbeat(f"canary:{self.request.delivery_info['routing_key']}")


@app.task(name=ALERTS_TASK)
def check_alerts() -> None:
    """Judge the alert conditions if no monitor does."""
    alerts.check_unattended_alerts(current_container().database, current_container().services)


@app.task(name=CLEANUP_TASK)
def delete_old_rows() -> None:
    """Delete rows and files that are older than their retention period."""
    housekeeping.run_housekeeping(current_container().database, current_container().services)


@app.task(name=CHECK_LOGINS_TASK)
def check_logins() -> None:
    """Park logins that the settings no longer fit; ask platforms whether tokens are valid, at once
    after a restore, and repair webhook subscriptions, once a day each.
    """
    container = current_container()
    accounts.check_login_flows(container.database, container.services)
    accounts.confirm_restored_logins(container.database, container.services)
    accounts.inspect_logins(container.database, container.services)
    accounts.repair_subscriptions(container.database, container.services)


@app.task(name=PICTURES_TASK)
def fetch_pictures() -> None:
    """Fetch the pictures of accounts that are due."""
    run_job_type(accounts.PICTURE_JOB_TYPE)


@app.task(name=RECHECK_TASK)
def recheck_posts() -> None:
    """Make published posts due that have no video id yet, so that the platform is asked again."""
    if publishing.recheck_posts_without_video_id(current_container().database):
        wake("posts")


def record_heartbeat(name: str) -> None:
    with current_container().database.transaction() as session:
        Heartbeats(session).record(name)
