"""The tasks that run due work, one for each kind, the one that looks which kinds have any, the one
that stores post requests of other services, and the one that enrols accounts for sampling.

A wake-up names no rows: which rows are due is read from the database.
"""

import time
from typing import Any

from celery.exceptions import Reject

from core import accounts, insights, outbox, publishing, webhooks
from core.jobs.job_type import JobType
from core.observability import telemetry
from db.leases import find_due_kinds
from db.session import DatabaseUnavailable
from tasks.celery import app
from tasks.listening import run_and_listen
from tasks.queues import ENROL_TASK, SWEEP_TASK, WAKE_TASKS
from tasks.runtime import current_container, run_job_type
from tasks.wake import wake

JOB_TYPES: dict[str, JobType[Any, Any, Any]] = {
    "webhooks": webhooks.WEBHOOK_JOB_TYPE,
    "accounts": accounts.REFRESH_JOB_TYPE,
    "posts": publishing.PUBLISH_JOB_TYPE,
    "uploads": publishing.UPLOAD_JOB_TYPE,
    "insights": insights.SAMPLING_JOB_TYPE,
    "outbox": outbox.DELIVERY_JOB_TYPE,
}
JOB_QUEUES = {kind: job_type.queue for kind, job_type in JOB_TYPES.items()}

UPLOAD_TIME_BUDGET = 5.0
"""Seconds in which chunks are claimed without a message in between: the last chunk of a video is
claimed separately."""

REQUEUE_DELAY = 1.0  # seconds before a request that could not be stored returns to the queue


@app.task(name=SWEEP_TASK)
def wake_due_kinds() -> None:
    """Wake a worker for each kind of which a row is due.

    One message and one statement each second, instead of a message for each kind: a second of an
    idle system costs a third of it.
    """
    with current_container().database.transaction() as session:
        due_kinds = find_due_kinds(session, JOB_QUEUES)
    for kind in due_kinds:
        wake(kind)


@app.task(name=WAKE_TASKS["posts"])
def advance_posts() -> None:
    """Take each due post one step further.

    Posts that are due again at once may be ready for upload, so `uploads` is woken.
    """
    if run_job_type(publishing.PUBLISH_JOB_TYPE).due_immediately:
        wake("uploads")


@app.task(name=WAKE_TASKS["uploads"])
def send_uploads() -> None:
    """Upload chunks of one video. The offset is stored, so any worker can send the next ones."""
    if run_job_type(publishing.UPLOAD_JOB_TYPE, time_budget=UPLOAD_TIME_BUDGET).recorded:
        wake("uploads")  # beat's interval of a second would slow a long upload down


@app.task(name="signalpost.enqueue_post")
def enqueue_post(**payload: Any) -> None:
    """Store another service's post request as a row; `payload` has the fields of the HTTP request
    and `user_id`. An invalid request is stored too, with the reason.

    This is the only message with a payload, so it must not be acknowledged before it is stored:
    while Postgres is unavailable it goes back to the queue.
    """
    telemetry.bind_correlation_id(None)
    try:
        publishing.enqueue_post(current_container().database, current_container().services, payload)
    except DatabaseUnavailable as error:
        # Without Postgres this worker has nothing else to do; requeueing faster would not help.
        time.sleep(REQUEUE_DELAY)
        raise Reject(str(error), requeue=True) from error


@app.task(name=WAKE_TASKS["webhooks"])
def apply_webhooks() -> None:
    """Apply due webhook events, a batch at a time, and those that come meanwhile."""
    container = current_container()
    run_and_listen(webhooks.build_webhook_job_type(container.services), container.event_signals)


@app.task(name=WAKE_TASKS["accounts"])
def refresh_accounts() -> None:
    """Refresh the access tokens of due accounts."""
    run_job_type(accounts.REFRESH_JOB_TYPE)


@app.task(name=WAKE_TASKS["outbox"])
def deliver_outbox() -> None:
    """Deliver due app events to their endpoints."""
    run_job_type(outbox.DELIVERY_JOB_TYPE)


@app.task(name=WAKE_TASKS["insights"])
def sample_insights() -> None:
    """Fetch due insights; while there are any, wake the next worker at once."""
    if run_job_type(insights.SAMPLING_JOB_TYPE).recorded:
        wake("insights")


@app.task(name=ENROL_TASK)
def enrol_accounts() -> None:
    """Add new accounts to the sampling, and make those due that have published something."""
    insights.enrol_accounts(current_container().database, current_container().services)
