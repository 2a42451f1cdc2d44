"""Wakes the application of stored notices. What a notice means is decided in core."""

from core import webhooks
from tasks.celery import app
from tasks.context import do, house
from tasks.queues import WAKES


@app.task(name=WAKES["webhooks"])
def apply() -> None:
    """Apply the notices that are due, a batch at a time."""
    do(webhooks.work(house().world))
