"""Wakes the sampling of numbers, and now and then looks for whom and what it is due."""

from core import insights
from tasks.bell import ring
from tasks.celery import app
from tasks.context import do, house
from tasks.queues import ENROL, WAKES


@app.task(name=WAKES["insights"])
def sample() -> None:
    """Ask for the numbers that are due; what is left of a long list follows at once."""
    if do(insights.WORK).recorded:
        ring("insights")


@app.task(name=ENROL)
def enrol() -> None:
    """Sample accounts that have come, and those of which something has been published."""
    insights.enrol(house().database, house().world)
