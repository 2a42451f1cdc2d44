"""The days that a view of the calendar shows, in the reader's zone. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from zoneinfo import ZoneInfo

from core.publishing.local_times import find_day_start

Day = TypeVar("Day")
ONE_DAY = timedelta(days=1)
DAYS_PER_WEEK = 7
HOURS_PER_DAY = 24
HOURS_BESIDE_POSTS = 2
USUAL_HOURS = range(8, 19)  # of a week without posts
LIST_DAYS = 92  # that the list shows: the whole time in which posts can be scheduled


class CalendarView(StrEnum):
    MONTH = "month"
    WEEK = "week"
    LIST = "list"


@dataclass(frozen=True)
class DayRange:
    """Days from `first` to `last`, both included, in a zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        return find_day_start(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The instant after the last one of the range."""
        return find_day_start(self.last + ONE_DAY, self.zone)

    @property
    def days(self) -> list[date]:
        count = (self.last - self.first).days + 1
        return [self.first + number * ONE_DAY for number in range(count)]


def find_range(view: CalendarView, day: date, zone: ZoneInfo, *, first_weekday: int) -> DayRange:
    """Return the days that a view around a day shows; `first_weekday`: 0 is Monday."""
    if view is CalendarView.WEEK:
        first = find_week_start(day, first_weekday)
        return DayRange(first, first + ONE_DAY * (DAYS_PER_WEEK - 1), zone)
    if view is CalendarView.LIST:
        return DayRange(day, day + ONE_DAY * (LIST_DAYS - 1), zone)
    first = find_week_start(day.replace(day=1), first_weekday)
    last = find_week_start(find_month_end(day), first_weekday) + ONE_DAY * (DAYS_PER_WEEK - 1)
    return DayRange(first, last, zone)


def find_week_start(day: date, first_weekday: int) -> date:
    return day - ONE_DAY * ((day.weekday() - first_weekday) % DAYS_PER_WEEK)


def find_month_end(day: date) -> date:
    return shift_month(day.replace(day=1), 1) - ONE_DAY


def shift_month(day: date, months: int) -> date:
    """Return the same day of another month, or its last day if it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    first = date(year, month + 1, 1)
    last_day = ((first + timedelta(days=31)).replace(day=1) - ONE_DAY).day
    return first.replace(day=min(day.day, last_day))


def shift_day(view: CalendarView, day: date, steps: int) -> date:
    """Return the day that the view before (-1) or after (1) is about."""
    if view is CalendarView.WEEK:
        return day + steps * ONE_DAY * DAYS_PER_WEEK
    return shift_month(day, steps)


def split_weeks(days: Sequence[Day]) -> list[list[Day]]:
    return [
        list(days[start : start + DAYS_PER_WEEK]) for start in range(0, len(days), DAYS_PER_WEEK)
    ]


def list_hours(hours: Iterable[int]) -> list[int]:
    """Return the hours of a week that are shown: those with posts, and two on each side."""
    found = set(hours)
    if not found:
        return list(USUAL_HOURS)
    near = {
        hour + distance
        for hour in found
        for distance in range(-HOURS_BESIDE_POSTS, HOURS_BESIDE_POSTS + 1)
    }
    return sorted(near & set(range(HOURS_PER_DAY)))
