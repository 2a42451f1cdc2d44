"""Dates and times of the calendar in words, in the reader's language and zone."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from app.http.i18n import current_locale
from core.publishing.local_times import convert_to_local

SECONDS_PER_MINUTE, MINUTES_PER_HOUR = 60, 60
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
DAY_PATTERN, DAY_AND_YEAR_PATTERN = "EEEE d MMMM", "EEEE d MMMM y"
SHORT_DAY_PATTERN = "ccc d MMM"


def first_weekday() -> int:
    """Return the day on which weeks begin in the reader's language; 0 is Monday."""
    return int(Locale.parse(current_locale()).first_week_day)


def format_month(day: date) -> str:
    text = format_date(day, "LLLL y", locale=current_locale())
    return text[:1].upper() + text[1:]


def format_week(first: date, last: date) -> str:
    pattern = "d MMM" if first.year == last.year else "d MMM y"
    start = format_date(first, pattern, locale=current_locale())
    end = format_date(last, "d MMM y", locale=current_locale())
    return f"{start} {DASH} {end}"


def format_date_of(local: datetime) -> str:
    """Return the day of a local time: 28 March 2027."""
    return format_date(local.date(), "d MMMM y", locale=current_locale())


def format_day(day: date, *, has_year: bool = False) -> str:
    pattern = DAY_AND_YEAR_PATTERN if has_year else DAY_PATTERN
    return format_date(day, pattern, locale=current_locale())


def format_short_day(day: date) -> str:
    return format_date(day, SHORT_DAY_PATTERN, locale=current_locale())


def format_weekday(day: date, *, is_short: bool = False) -> str:
    return format_date(day, "ccc" if is_short else "cccc", locale=current_locale())


def format_month_name(day: date) -> str:
    return format_date(day, "MMMM", locale=current_locale())


def format_clock(local: datetime) -> str:
    return f"{local:%H:%M}"


def format_moment(at: datetime, zone: ZoneInfo) -> str:
    """Return day and time of an instant: Wednesday 2 December, 12:30."""
    local = convert_to_local(at, zone)
    return f"{format_day(local.date())}, {format_clock(local)}"


def format_offset(at: datetime, zone: ZoneInfo) -> str:
    """Return how far the zone's clocks are from UTC at an instant: UTC+1, UTC+5:45."""
    offset = at.astimezone(zone).utcoffset() or timedelta()
    sign = "+" if offset >= timedelta() else MINUS
    minutes = abs(int(offset.total_seconds())) // SECONDS_PER_MINUTE
    hours, rest = divmod(minutes, MINUTES_PER_HOUR)
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
