"""Wakes the refresh of tokens that are about to end. When that is, the rows know."""

import time
from typing import Any

from celery.exceptions import Reject

from core import accounts, insights, outbox, publishing, webhooks
from db.session import DatabaseUnavailable
from tasks.celery import app
from tasks.notifier import wake
from tasks.queues import ENROL_TASK, WAKE_TASKS
from tasks.runtime import current_container, run_job


@app.task(name=WAKE_TASKS["accounts"])
def refresh_accounts() -> None:
    """Refresh the accounts that are due."""
    run_job(accounts.REFRESH_JOB)


# MERGED tasks.outbox: Wakes the telling of host applications. When which of them is due, the rows know.


@app.task(name=WAKE_TASKS["outbox"])
def deliver_outbox() -> None:
    """Bring the messages that are due to their endpoints."""
    run_job(outbox.DELIVERY_JOB)


# MERGED tasks.webhooks: Wakes the application of stored notices. What a notice means is decided in core.


@app.task(name=WAKE_TASKS["webhooks"])
def apply_webhooks() -> None:
    """Apply the notices that are due, a batch at a time."""
    run_job(webhooks.build_webhook_job(current_container().services))


# MERGED tasks.insights: Wakes the sampling of numbers, and now and then looks for whom and what it is due.


@app.task(name=WAKE_TASKS["insights"])
def sample_insights() -> None:
    """Ask for the numbers that are due; what is left of a long list follows at once."""
    if run_job(insights.SAMPLING_JOB).recorded:
        wake("insights")


@app.task(name=ENROL_TASK)
def enrol_accounts() -> None:
    """Sample accounts that have come, and those of which something has been published."""
    insights.enrol_accounts(current_container().database, current_container().services)


# MERGED tasks.posts: Wakes the publishing of posts, and hears other services ask for one. Decides nothing.

UPLOAD_TIME_BUDGET = (
    5.0  # seconds: a film's last chunk needs a claim of its own, and no turn of the broker
)
REQUEUE_DELAY = 1.0  # seconds before a request we could not store goes back to the queue


@app.task(name=WAKE_TASKS["posts"])
def advance_posts() -> None:
    """Take each post that is due one step further; some then wait for their bytes to be sent."""
    if run_job(publishing.PUBLISH_JOB).due_immediately:
        wake("uploads")


@app.task(name=WAKE_TASKS["uploads"])
def send_uploads() -> None:
    """Move chunks of one film; its offset is kept, so that anybody may go on from there."""
    if run_job(publishing.UPLOAD_JOB, time_budget=UPLOAD_TIME_BUDGET).recorded:
        wake("uploads")  # the next chunk at once: beat's second would make a long film of it


@app.task(name="signalpost.enqueue_post")
def enqueue_post(**payload: Any) -> None:
    """Store another service's request as a row: the fields of the HTTP request and `user_id`.

    The one message that is more than a bell, so it must not be spent before it is stored:
    while Postgres is away it goes back to the queue. What is wrong with it is stored with it.
    """
    try:
        publishing.enqueue_post(current_container().database, current_container().services, payload)
    except DatabaseUnavailable as error:
        time.sleep(
            REQUEUE_DELAY
        )  # nobody here has work without Postgres; going round faster helps no one
        raise Reject(str(error), requeue=True) from error
