"""Times of a person's clock as instants. Where clocks change, a time of a day may not exist, or
exist twice.

A time that does not exist is refused; of a time that exists twice the first is taken. Pure.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import Invalid

FOLDS = (0, 1)  # the first and the second of the times that a clock shows twice
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class LocalMoment:
    """An instant in UTC, and whether the clock shows its time a second time later."""

    at: datetime
    is_double: bool = False


class TimeNotOnClock(Invalid):
    """The clocks are set forward past this time on this day."""

    def __init__(self, local: datetime, zone: ZoneInfo, first_after: datetime) -> None:
        """`first_after` is the first time that the clock shows instead."""
        message = f"{local:%H:%M} does not exist on {local:%Y-%m-%d} in {zone.key}"
        super().__init__(message, details={"fields": {"publish_at": message}})
        self.local, self.zone, self.first_after = local, zone, first_after


def find_instants(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the instants at which the zone's clocks show this time: none, one or two.

    Errors: OverflowError at the ends of the calendar.
    """
    candidates = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in FOLDS}
    return tuple(
        sorted(at for at in candidates if at.astimezone(zone).replace(tzinfo=None) == local)
    )


def resolve_local_time(local: datetime, zone: ZoneInfo) -> LocalMoment:
    """Return the instant of a time without a zone. Errors: TimeNotOnClock; Invalid."""
    try:
        instants = find_instants(local, zone)
        if not instants:
            raise TimeNotOnClock(local, zone, find_gap_end(local, zone))
    except OverflowError:
        message = "must be a date and time that exist"
        raise Invalid(message, details={"fields": {"publish_at": message}}) from None
    return LocalMoment(instants[0], is_double=len(instants) > 1)


def find_gap_end(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the first time that the clock shows after a time that it passes over."""
    after, before = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (1, 0))
    offset = before.astimezone(zone).utcoffset()
    while before - after > SECOND:  # the change is between the two
        middle = after + ((before - after) // 2 // SECOND) * SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return before.astimezone(zone).replace(tzinfo=None)


def find_day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins; where midnight is passed over, a later time."""
    midnight = datetime.combine(day, time())
    instants = find_instants(midnight, zone)
    if instants:
        return instants[0]
    return find_instants(find_gap_end(midnight, zone), zone)[0]


def convert_to_local(at: datetime, zone: ZoneInfo) -> datetime:
    """Return what the zone's clocks show at an instant, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None)
