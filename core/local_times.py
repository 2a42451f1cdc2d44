"""Times of a reader's clock as instants. Where clocks change, a time of a day may not exist, or
exist twice.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class LocalTime:
    """A date and a time of day in a zone."""

    day: date
    clock: time
    zone: ZoneInfo

    @property
    def instants(self) -> tuple[datetime, ...]:
        """The instants in UTC at which the clocks of the zone show it: none, one or two, the
        earlier one first.
        """
        naive = datetime.combine(self.day, self.clock)
        candidates = (naive.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        found = {
            instant
            for instant in (convert_to_utc(candidate) for candidate in candidates)
            if instant is not None and instant.astimezone(self.zone).replace(tzinfo=None) == naive
        }
        return tuple(sorted(found))

    @property
    def next_existing(self) -> datetime:
        """What the clocks show when a time that does not exist would have come: its zone's time."""
        naive = datetime.combine(self.day, self.clock)
        before, after = (naive.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        gap = (before.utcoffset() or timedelta()) - (after.utcoffset() or timedelta())
        return naive.replace(tzinfo=self.zone) + abs(gap)


def convert_to_utc(moment: datetime) -> datetime | None:
    """Return the instant in UTC; None if it is outside of the calendar."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def parse_local_time(day: str, clock: str, zone: ZoneInfo) -> LocalTime | None:
    """Parse what inputs of the types `date` and `time` send; None if it is neither."""
    try:
        return LocalTime(date.fromisoformat(day), time.fromisoformat(clock), zone)
    except ValueError:
        return None
