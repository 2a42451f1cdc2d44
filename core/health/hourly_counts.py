"""Numbers per hour of the last day, for what operators read.

Hours that are over are counted once per process: what was done in them does not change.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from core.health.known_facts import KnownFacts
from db.deadlines import statement_deadline
from db.session import Database, Session

Key = TypeVar("Key", bound=Hashable)

LISTED_HOURS = 24
HOURS_AT_ONCE = 6  # a day of a large installation takes longer than a statement may
HOUR = timedelta(hours=1)
COUNTS_MAX_AGE = 15.0  # seconds for which a view is answered with the last counts
ANSWER_TIMEOUT = 1.0  # seconds that a view waits for new ones
QUERY_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True)
class HourlyCounts(Generic[Key]):
    """What was counted in each of the last hours, oldest first; the newest has not ended yet."""

    hours: tuple[Mapping[Key, int], ...]
    begins_at: datetime

    def list_counts(self, key: Key) -> list[int]:
        return [counts.get(key, 0) for counts in self.hours]

    def sum_counts(self, key: Key) -> int:
        return sum(self.list_counts(key))


class HourlyCounter(Generic[Key]):
    """Counts in a thread of its own, so that a large table delays no page."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        *,
        name: str,
        count: Callable[[Session, datetime, datetime], Iterable[tuple[datetime, Key, int]]],
    ) -> None:
        """`count` counts what was done from one time until another, by hour and key."""
        self._database, self._now, self._count_period = database, now, count
        self._finished: dict[datetime, Counter[Key]] = {}
        self._facts = KnownFacts(
            name, self._count, max_age=COUNTS_MAX_AGE, time_limit=ANSWER_TIMEOUT
        )

    def read(self) -> HourlyCounts[Key] | None:
        """Return the counts as last known; None while there are none yet."""
        return self._facts.read().value

    def _count(self) -> HourlyCounts[Key]:
        """Errors: DatabaseUnavailable, also if counting takes too long; what was counted stays."""
        current = self._now().replace(minute=0, second=0, microsecond=0)
        hours = [current - HOUR * ago for ago in range(LISTED_HOURS - 1, -1, -1)]
        settled = current - HOUR  # attempts that began in it may still end
        self._finished = {hour: self._finished[hour] for hour in hours if hour in self._finished}
        missing = [hour for hour in hours if hour < settled and hour not in self._finished]
        for first in range(0, len(missing), HOURS_AT_ONCE):
            self._finished |= self._count_hours(missing[first : first + HOURS_AT_ONCE])
        known = {**self._finished, **self._count_hours([settled, current])}
        return HourlyCounts(tuple(known[hour] for hour in hours), hours[0])

    def _count_hours(self, hours: Sequence[datetime]) -> dict[datetime, Counter[Key]]:
        """Count what was done in these hours, which follow one another."""
        by_hour: dict[datetime, Counter[Key]] = {hour: Counter() for hour in hours}
        with statement_deadline(QUERY_TIMEOUT), self._database.transaction() as session:
            for hour, key, number in self._count_period(session, hours[0], hours[-1] + HOUR):
                by_hour.setdefault(hour, Counter())[key] += number
        return by_hour
