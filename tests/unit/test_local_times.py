"""Times of a reader's clock: ordinary ones, those that do not exist, those that exist twice."""

from zoneinfo import ZoneInfo

import pytest

from core.local_times import parse_local_time


def find_instants(zone, day, clock):
    local = parse_local_time(day, clock, ZoneInfo(zone))
    return [f"{instant:%Y-%m-%d %H:%M}" for instant in local.instants]


@pytest.mark.parametrize(
    ("zone", "day", "clock", "instants"),
    [
        ("Europe/Paris", "2026-12-01", "18:00", ["2026-12-01 17:00"]),
        ("Europe/Paris", "2027-07-01", "18:00", ["2027-07-01 16:00"]),
        ("America/New_York", "2026-12-01", "18:00", ["2026-12-01 23:00"]),
        ("Asia/Kathmandu", "2026-12-01", "00:15", ["2026-11-30 18:30"]),
        ("UTC", "2026-12-01", "18:00", ["2026-12-01 18:00"]),
    ],
)
def test_a_time_is_converted_with_the_offset_of_its_day(zone, day, clock, instants):
    assert find_instants(zone, day, clock) == instants


@pytest.mark.parametrize(
    ("zone", "day", "clock", "next_time"),
    [
        ("Europe/Paris", "2027-03-28", "02:30", "03:30"),
        ("America/New_York", "2027-03-14", "02:00", "03:00"),
        ("Australia/Lord_Howe", "2027-10-03", "02:15", "02:45"),
        ("Pacific/Chatham", "2027-09-26", "03:00", "04:00"),
    ],
)
def test_a_time_that_clocks_skip_has_no_instant(zone, day, clock, next_time):
    local = parse_local_time(day, clock, ZoneInfo(zone))
    assert local.instants == ()
    assert f"{local.next_existing:%H:%M}" == next_time


@pytest.mark.parametrize(
    ("zone", "day", "clock", "instants"),
    [
        ("Europe/Paris", "2027-10-31", "02:30", ["2027-10-31 00:30", "2027-10-31 01:30"]),
        ("America/New_York", "2027-11-07", "01:30", ["2027-11-07 05:30", "2027-11-07 06:30"]),
        ("Australia/Lord_Howe", "2027-04-04", "01:45", ["2027-04-03 14:45", "2027-04-03 15:15"]),
    ],
)
def test_a_time_that_comes_twice_has_two_instants_the_first_one_first(zone, day, clock, instants):
    assert find_instants(zone, day, clock) == instants


@pytest.mark.parametrize(("day", "clock"), [("", "12:00"), ("2026-13-01", "12:00"), ("x", "y")])
def test_what_is_no_time_is_none(day, clock):
    assert parse_local_time(day, clock, ZoneInfo("UTC")) is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_ends_of_the_calendar_are_no_error(zone):
    assert len(find_instants(zone, "0001-01-01", "00:00")) <= 1
    assert len(find_instants(zone, "9999-12-31", "23:59")) <= 1
