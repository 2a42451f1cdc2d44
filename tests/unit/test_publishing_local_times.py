"""Times of a person's clock as instants, also on the days on which clocks are changed."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.errors import Invalid
from core.publishing.local_times import (
    TimeNotOnClock,
    convert_to_local,
    find_day_start,
    resolve_local_time,
)

PARIS, NEW_YORK, KATHMANDU = map(ZoneInfo, ("Europe/Paris", "America/New_York", "Asia/Kathmandu"))
SANTIAGO, LORD_HOWE = ZoneInfo("America/Santiago"), ZoneInfo("Australia/Lord_Howe")
APIA = ZoneInfo("Pacific/Apia")


def local_time(text):
    return datetime.fromisoformat(text)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (PARIS, utc(2026, 12, 2, 11, 30)),
        (NEW_YORK, utc(2026, 12, 2, 17, 30)),
        (KATHMANDU, utc(2026, 12, 2, 6, 45)),
    ],
)
def test_a_time_is_stored_as_the_instant_of_its_zone(zone, expected):
    moment = resolve_local_time(local_time("2026-12-02 12:30"), zone)
    assert (moment.at, moment.is_double) == (expected, False)


@pytest.mark.parametrize(
    ("zone", "local", "first_after"),
    [
        (PARIS, local_time("2027-03-28 02:30"), local_time("2027-03-28 03:00")),
        (PARIS, local_time("2027-03-28 02:00"), local_time("2027-03-28 03:00")),
        (NEW_YORK, local_time("2027-03-14 02:59"), local_time("2027-03-14 03:00")),
        (LORD_HOWE, local_time("2026-10-04 02:15"), local_time("2026-10-04 02:30")),
        (SANTIAGO, local_time("2026-09-06 00:30"), local_time("2026-09-06 01:00")),
    ],
)
def test_a_time_that_the_clocks_pass_over_is_refused(zone, local, first_after):
    with pytest.raises(TimeNotOnClock) as caught:
        resolve_local_time(local, zone)

    assert caught.value.first_after == first_after
    assert caught.value.details["fields"] == {"publish_at": str(caught.value)}


def test_the_times_beside_a_gap_exist():
    assert resolve_local_time(local_time("2027-03-28 01:59"), PARIS).at == utc(2027, 3, 28, 0, 59)
    assert resolve_local_time(local_time("2027-03-28 03:00"), PARIS).at == utc(2027, 3, 28, 1)


@pytest.mark.parametrize(
    ("zone", "local", "first"),
    [
        (PARIS, local_time("2026-10-25 02:30"), utc(2026, 10, 25, 0, 30)),
        (NEW_YORK, local_time("2026-11-01 01:30"), utc(2026, 11, 1, 5, 30)),
    ],
)
def test_of_a_time_that_exists_twice_the_first_is_taken(zone, local, first):
    moment = resolve_local_time(local, zone)
    assert (moment.at, moment.is_double) == (first, True)


def test_a_zone_without_changes_has_neither_gap_nor_double_time():
    for hour in range(24):
        moment = resolve_local_time(local_time(f"2026-10-25 {hour:02d}:00"), KATHMANDU)
        assert not moment.is_double
        assert convert_to_local(moment.at, KATHMANDU).hour == hour


@pytest.mark.parametrize("local", [local_time("0001-01-01 00:00"), local_time("9999-12-31 23:00")])
@pytest.mark.parametrize("zone", [PARIS, NEW_YORK])
def test_the_ends_of_the_calendar_are_no_internal_error(zone, local):
    with suppress(Invalid):
        resolve_local_time(local, zone)


def test_a_day_without_midnight_begins_later():
    assert find_day_start(date(2026, 9, 6), SANTIAGO) == utc(2026, 9, 6, 4)
    assert find_day_start(date(2026, 9, 5), SANTIAGO) == utc(2026, 9, 5, 4)


@pytest.mark.parametrize("zone", [PARIS, NEW_YORK, KATHMANDU, SANTIAGO, LORD_HOWE])
def test_days_follow_each_other_without_gap_or_overlap(zone):
    """Each instant belongs to the day that the zone's clocks show, also when they are changed."""
    for number in range(366):
        day = date(2026, 1, 1) + timedelta(days=number)
        start, end = find_day_start(day, zone), find_day_start(day + timedelta(days=1), zone)
        assert timedelta(hours=23) <= end - start <= timedelta(hours=25)
        assert convert_to_local(start, zone).date() == day
        assert convert_to_local(start - timedelta(seconds=1), zone).date() == day - timedelta(1)


def test_a_day_that_a_zone_left_out_begins_with_the_next_one():
    assert find_day_start(date(2011, 12, 30), APIA) == find_day_start(date(2011, 12, 31), APIA)
