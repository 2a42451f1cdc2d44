"""Wakes the refresh of tokens that are about to end. When that is, the rows know."""

from core import accounts
from tasks.celery import app
from tasks.context import do
from tasks.queues import WAKES


@app.task(name=WAKES["accounts"])
def refresh() -> None:
    """Refresh the accounts that are due."""
    do(accounts.WORK)
