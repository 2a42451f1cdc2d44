"""Jobs done per hour of the last day, for the operators' page."""

from collections.abc import Callable, Iterator
from datetime import datetime

from core.health.hourly_counts import HourlyCounter
from db.ops.throughput import DoneJobCounts
from db.session import Database, Session


def build_throughput_counter(database: Database, now: Callable[[], datetime]) -> HourlyCounter[str]:
    """Counts by kind of job."""
    return HourlyCounter(database, now, name="throughput", count=count_done_jobs)


def count_done_jobs(
    session: Session, since: datetime, until: datetime
) -> Iterator[tuple[datetime, str, int]]:
    for done in DoneJobCounts(session).by_hour(since, until):
        yield done.hour, done.kind, done.jobs
