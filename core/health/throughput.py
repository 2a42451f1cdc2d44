"""Jobs done per hour of the last day, for the operators' page.

Hours that are over are counted once per process: what was done in them does not change.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.health.known_facts import KnownFacts
from db.deadlines import statement_deadline
from db.ops.throughput import DoneJobCounts
from db.session import Database

LISTED_HOURS = 24
HOUR = timedelta(hours=1)
COUNTS_MAX_AGE = 15.0  # seconds for which a view is answered with the last counts
ANSWER_TIMEOUT = 1.0  # seconds that a view waits for new ones
QUERY_TIMEOUT = timedelta(seconds=5)

HourCounts = Mapping[str, int]
"""Kind of job → how many were done in one hour."""


@dataclass(frozen=True)
class Throughput:
    """The last hours, oldest first; the newest has not ended yet."""

    hours: tuple[HourCounts, ...]
    begins_at: datetime

    def list_counts(self, kind: str) -> list[int]:
        return [counts.get(kind, 0) for counts in self.hours]


class ThroughputCounter:
    """Counts in a thread of its own, so that a large table delays no page."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._finished: dict[datetime, HourCounts] = {}
        self._facts = KnownFacts(
            "throughput", self._count, max_age=COUNTS_MAX_AGE, time_limit=ANSWER_TIMEOUT
        )

    def read(self) -> Throughput | None:
        """Return the counts as last known; None while there are none yet."""
        return self._facts.read().value

    def _count(self) -> Throughput:
        """Errors: DatabaseUnavailable, also if counting takes too long."""
        current = self._now().replace(minute=0, second=0, microsecond=0)
        hours = [current - HOUR * ago for ago in range(LISTED_HOURS - 1, -1, -1)]
        missing = [hour for hour in hours if hour not in self._finished]
        by_hour: dict[datetime, dict[str, int]] = {hour: {} for hour in missing}
        with statement_deadline(QUERY_TIMEOUT), self._database.transaction() as session:
            for done in DoneJobCounts(session).by_hour(missing[0], current + HOUR):
                by_hour.setdefault(done.hour, {})[done.kind] = done.jobs
        known = {**self._finished, **by_hour}
        settled = current - HOUR  # attempts that began in it may still end
        self._finished = {hour: known[hour] for hour in hours if hour < settled}
        return Throughput(tuple(known[hour] for hour in hours), hours[0])
