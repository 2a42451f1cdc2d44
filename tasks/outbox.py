"""Wakes the telling of host applications. When which of them is due, the rows know."""

from core import outbox
from tasks.celery import app
from tasks.context import do
from tasks.queues import WAKES


@app.task(name=WAKES["outbox"])
def deliver() -> None:
    """Bring the messages that are due to their endpoints."""
    do(outbox.WORK)
