"""The days that the calendar shows, around midnight and month ends, in several zones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.pages.calendar_days import (
    CalendarView,
    find_range,
    list_hours,
    shift_day,
    shift_month,
    split_weeks,
)
from app.pages.calendar_moves import describe_gap
from core.publishing.local_times import TimeNotOnClock, convert_to_local

MONDAY, SUNDAY = 0, 6
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Asia/Kathmandu",
        "America/St_Johns",
        "Pacific/Kiritimati",
        "America/Santiago",
        "Australia/Lord_Howe",
    )
]


def month(day, zone=ZONES[0], first_weekday=MONDAY):
    return find_range(CalendarView.MONTH, day, zone, first_weekday=first_weekday)


def test_a_month_begins_and_ends_with_whole_weeks():
    days = month(date(2026, 11, 29))
    assert (days.first, days.last) == (date(2026, 10, 26), date(2026, 12, 6))
    assert [len(week) for week in split_weeks(days.days)] == [7] * 6


def test_weeks_begin_on_the_first_day_of_the_language():
    days = month(date(2026, 11, 29), first_weekday=SUNDAY)
    assert (days.first, days.last) == (date(2026, 11, 1), date(2026, 12, 5))


def test_a_month_of_four_weeks_has_four():
    assert len(split_weeks(month(date(2027, 2, 10)).days)) == 4


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("view", list(CalendarView))
def test_every_instant_belongs_to_the_day_on_the_clock(zone, view):
    """The first and last second of each range, over a year with all changes of clocks."""
    for number in range(0, 400, 5):
        days = find_range(view, date(2026, 1, 1) + timedelta(number), zone, first_weekday=MONDAY)
        second = timedelta(seconds=1)
        assert convert_to_local(days.since, zone).date() == days.first
        assert convert_to_local(days.since - second, zone).date() == days.first - timedelta(1)
        assert convert_to_local(days.until, zone).date() == days.last + timedelta(1)
        assert convert_to_local(days.until - second, zone).date() == days.last


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_month_week_and_list_contain_the_same_instants_of_a_day(zone):
    """A post a minute before or after midnight is on the same day in all views."""
    for day in (date(2026, 10, 31), date(2026, 12, 31), date(2027, 2, 28), date(2027, 3, 28)):
        start = find_range(CalendarView.LIST, day, zone, first_weekday=MONDAY).since
        for at in (start - timedelta(minutes=1), start + timedelta(minutes=1)):
            local_day = convert_to_local(at, zone).date()
            for view in CalendarView:
                days = find_range(view, local_day, zone, first_weekday=MONDAY)
                assert days.since <= at < days.until, (view, at)


def test_months_are_shifted_to_their_last_day():
    assert shift_month(date(2027, 1, 31), 1) == date(2027, 2, 28)
    assert shift_month(date(2027, 1, 31), -1) == date(2026, 12, 31)
    assert shift_month(date(2026, 12, 31), 2) == date(2027, 2, 28)
    assert shift_day(CalendarView.WEEK, date(2026, 12, 31), 1) == date(2027, 1, 7)


def test_only_hours_with_posts_and_two_beside_them_are_listed():
    assert list_hours([12]) == [10, 11, 12, 13, 14]
    assert list_hours([0, 23]) == [0, 1, 2, 21, 22, 23]
    assert list_hours([]) == list(range(8, 19))


def test_the_range_of_a_zone_ahead_of_utc_begins_the_day_before_in_utc():
    days = find_range(
        CalendarView.WEEK, date(2026, 11, 30), ZoneInfo("Asia/Kathmandu"), first_weekday=MONDAY
    )
    assert days.since == datetime(2026, 11, 29, 18, 15, tzinfo=UTC)


def test_a_time_that_does_not_exist_is_explained():
    gap = TimeNotOnClock(
        datetime.fromisoformat("2027-03-28 02:30"),
        ZoneInfo("Europe/Paris"),
        datetime.fromisoformat("2027-03-28 03:00"),
    )
    assert describe_gap(gap) == (
        "02:30 does not exist on 28 March 2027 in Europe/Paris. Choose 03:00 or later."
    )
