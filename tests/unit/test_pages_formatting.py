"""Numbers, sizes, ages and times are formatted for English and French."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.pages import formatting

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (1000, "1K", "1 k"),
        (1234, "1.2K", "1,2 k"),
        (999_949, "999.9K", "999,9 k"),
        (999_950, "1M", "1 M"),
        (3_450_000, "3.4M", "3,4 M"),
    ],
)
def test_large_numbers_are_short(number, english, french):
    assert formatting.format_compact_number(number, "en") == english
    assert (
        formatting.format_compact_number(number, "fr").replace("\N{NO-BREAK SPACE}", " ") == french
    )


@pytest.mark.parametrize(
    ("count", "english"),
    [
        (0, "0 byte"),
        (999, "999 byte"),
        (8_388_608, "8.4 MB"),
        (999_960, "1 MB"),
        (4_000_000_000, "4 GB"),
    ],
)
def test_sizes_have_the_largest_unit_that_gives_at_least_one(count, english):
    assert formatting.format_bytes(count, "en") == english


def test_french_bytes_are_octets():
    assert (
        formatting.format_bytes(4_000_000_000, "fr").replace("\N{NARROW NO-BREAK SPACE}", " ")
        == "4 Go"
    )


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-2, "today"),
        (0, "today"),
        (1, "yesterday"),
        (2, "2 days ago"),
        (6, "6 days ago"),
        (7, "1 week ago"),
        (29, "4 weeks ago"),
        (30, "1 month ago"),
        (364, "12 months ago"),
        (365, "1 year ago"),
        (800, "2 years ago"),
    ],
)
def test_an_age_is_formatted_in_the_largest_unit_that_fits(days, expected):
    at = NOW - timedelta(days=days)
    words = formatting.format_age(
        at, NOW, translate_text=str, ngettext=lambda one, many, n: one if n == 1 else many
    )
    assert words == expected


def test_yesterday_is_the_previous_calendar_day():
    late = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)
    early = datetime(2026, 11, 27, 0, 1, tzinfo=UTC)
    assert (
        formatting.format_age(late, early, translate_text=str, ngettext=lambda one, *_: one)
        == "yesterday"
    )


def test_a_percentage_has_two_decimals():
    assert formatting.format_percent(0.9, "en") == "0.90 %"
    assert formatting.format_percent(12.345, "fr") == "12,34 %"


def test_a_timestamp_is_formatted_to_the_second_in_utc():
    assert formatting.format_timestamp(NOW, "en") == "27 Nov 2026, 09:30:00 UTC"
    assert formatting.format_timestamp(NOW, "fr") == "27 nov. 2026, 09:30:00 UTC"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/Paris", "27 Nov 2026, 10:30:00 CET"),
        ("America/New_York", "27 Nov 2026, 04:30:00 EST"),
        ("Asia/Kathmandu", "27 Nov 2026, 15:15:00 UTC+05:45"),
        ("Pacific/Chatham", "27 Nov 2026, 23:15:00 UTC+13:45"),
    ],
)
def test_a_time_is_given_in_the_readers_zone_and_names_it(zone, text):
    assert formatting.format_timestamp(NOW, "en", ZoneInfo(zone)) == text


def test_an_age_counts_the_days_of_the_readers_zone():
    late = datetime(2026, 11, 26, 23, 30, tzinfo=UTC)
    options = {"translate_text": str, "ngettext": lambda one, *_: one}
    assert formatting.format_age(late, NOW, zone=UTC, **options) == "yesterday"
    assert formatting.format_age(late, NOW, zone=ZoneInfo("Europe/Paris"), **options) == "today"


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (0, "Today, Friday 27 November"),
        (1, "Tomorrow, Saturday 28 November"),
        (-1, "Yesterday, Thursday 26 November"),
        (3, "Monday 30 November"),
        (60, "Tuesday 26 January 2027"),
    ],
)
def test_a_day_is_named_by_its_distance(days, text):
    def translate_text(sentence, **values):
        return sentence % values

    day = NOW.date() + timedelta(days=days)
    assert formatting.format_day(day, NOW.date(), "en", translate_text=translate_text) == text


def test_a_distance_is_given_in_both_directions():
    before, after = NOW - timedelta(minutes=3), NOW + timedelta(hours=2)
    assert formatting.format_distance(before, NOW, "en") == "3 minutes ago"
    assert formatting.format_distance(after, NOW, "en") == "in 2 hours"
    assert formatting.format_distance(before, NOW, "fr") == "il y a 3 minutes"
    assert formatting.format_clock(NOW, "en", ZoneInfo("Asia/Kathmandu")) == "15:15"
