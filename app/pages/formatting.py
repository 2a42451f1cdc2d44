"""Numbers, sizes and times formatted for a language. Pure: the caller passes `now`."""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo

from babel.dates import (
    format_date,
    format_datetime,
    format_time,
    format_timedelta,
    get_timezone_gmt,
)
from babel.numbers import format_compact_decimal, format_decimal
from babel.units import format_unit

BYTES_PER_KB = 1000
SECONDS_PER_MINUTE = 60
MILLISECONDS_PER_SECOND = 1000
SMALLEST_SECONDS = 0.1  # shorter durations are in milliseconds
SMALLEST_WHOLE_SECONDS = 10  # shorter durations have a decimal
BYTE_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte")
ONE_DAY, DAYS_PER_WEEK, DAYS_PER_MONTH, DAYS_PER_YEAR = 1, 7, 30, 365
Translate = Callable[[str], str]
TranslatePlural = Callable[[str, str, int], str]


def format_compact_number(number: int, locale: str) -> str:
    """Format 1200 as 1.2K and 3400000 as 3.4M: at most one decimal, no trailing zero."""
    return format_compact_decimal(
        number, locale=locale, fraction_digits=1 if number >= BYTES_PER_KB else 0
    )


def format_whole_number(number: int, locale: str) -> str:
    """Format 1234567 as 1,234,567."""
    return str(format_decimal(number, locale=locale))


def format_bytes(count: int, locale: str) -> str:
    """Format a number of bytes in the largest unit that gives at least 1."""
    amount, unit = float(count), BYTE_UNITS[0]
    for unit in BYTE_UNITS:
        if round(amount, 1) < BYTES_PER_KB or unit == BYTE_UNITS[-1]:
            break
        amount /= BYTES_PER_KB
    return format_unit(round(amount, 1), unit, length="short", locale=locale)


def format_seconds(seconds: float, locale: str) -> str:
    """Format a duration: 40 ms, 1.8 s, 12 s."""
    if seconds < SMALLEST_SECONDS:
        return f"{round(seconds * MILLISECONDS_PER_SECOND)} ms"
    digits = 1 if seconds < SMALLEST_WHOLE_SECONDS else 0
    return f"{format_decimal(round(seconds, digits), locale=locale)} s"


def format_percent(value: float, locale: str) -> str:
    return f"{format_decimal(value, format='0.00', locale=locale)} %"


def format_timestamp(at: datetime, locale: str, zone: tzinfo = UTC) -> str:
    """Format a time to the second, with the name of the zone that it is given in."""
    text = format_datetime(at, "d MMM y, HH:mm:ss", tzinfo=zone, locale=locale)
    return f"{text} {zone_label(at, zone, locale)}"


def zone_label(at: datetime, zone: tzinfo, locale: str) -> str:
    """Return the short name that a zone has at a time, as CET, or its offset, as UTC+5:45."""
    local = at.astimezone(zone)
    name = local.tzname() or ""
    if name.isalpha():
        return name
    return get_timezone_gmt(local, width="long", locale=locale).replace("GMT", "UTC")


def format_clock(at: datetime, locale: str, zone: tzinfo = UTC) -> str:
    """Format the time of day, as 14:07."""
    return format_time(at, "HH:mm", tzinfo=zone, locale=locale)


def format_moment(at: datetime, locale: str, zone: tzinfo = UTC) -> str:
    """Format a day and the time of day, as 29 Nov 2026, 14:07."""
    return format_datetime(at, "d MMM y, HH:mm", tzinfo=zone, locale=locale)


def format_precise_clock(at: datetime, locale: str, zone: tzinfo = UTC) -> str:
    """Format the time of day to the second, as 14:07:31."""
    return format_time(at, "HH:mm:ss", tzinfo=zone, locale=locale)


def format_exact_moment(at: datetime, now: datetime, locale: str, zone: tzinfo = UTC) -> str:
    """Format a time to the second: of today as 14:07:31, of other days with the day."""
    if at.astimezone(zone).date() == now.astimezone(zone).date():
        return format_precise_clock(at, locale, zone)
    return format_timestamp(at, locale, zone)


def format_short_day(day: date, locale: str) -> str:
    """Format a day as 29 Nov 2026."""
    return format_date(day, "d MMM y", locale=locale)


def format_day(day: date, today: date, locale: str, *, translate_text: Callable[..., str]) -> str:
    """Format a day: `Today`, `Tomorrow, Monday 30 November`, with its year if it is another."""
    pattern = "EEEE d MMMM" if day.year == today.year else "EEEE d MMMM y"
    text = format_date(day, pattern, locale=locale)
    match (day - today).days:
        case 0:
            return translate_text("Today, %(day)s", day=text)
        case 1:
            return translate_text("Tomorrow, %(day)s", day=text)
        case -1:
            return translate_text("Yesterday, %(day)s", day=text)
    return text[:1].upper() + text[1:]


def format_distance(at: datetime, now: datetime, locale: str) -> str:
    """Format how far a time is from now: `3 minutes ago`, `in 2 hours`."""
    return format_timedelta(at - now, add_direction=True, threshold=1.2, locale=locale)


def format_age(
    at: datetime,
    now: datetime,
    *,
    zone: tzinfo = UTC,
    translate_text: Translate,
    ngettext: TranslatePlural,
) -> str:
    """Format an age by calendar days: today, yesterday, then in the largest unit that fits.

    A time in the future is formatted as today.
    """
    days = (now.astimezone(zone).date() - at.astimezone(zone).date()).days
    if days <= 0:
        return translate_text("today")
    if days == ONE_DAY:
        return translate_text("yesterday")
    if days < DAYS_PER_WEEK:
        return ngettext("%(num)d day ago", "%(num)d days ago", days) % {"num": days}
    if days < DAYS_PER_MONTH:
        weeks = days // DAYS_PER_WEEK
        return ngettext("%(num)d week ago", "%(num)d weeks ago", weeks) % {"num": weeks}
    if days < DAYS_PER_YEAR:
        months = days // DAYS_PER_MONTH
        return ngettext("%(num)d month ago", "%(num)d months ago", months) % {"num": months}
    years = days // DAYS_PER_YEAR
    return ngettext("%(num)d year ago", "%(num)d years ago", years) % {"num": years}


def format_wait(seconds: int, *, ngettext: TranslatePlural) -> str:
    """Say when to try again. A minute that has begun counts as a whole one."""
    if seconds < SECONDS_PER_MINUTE:
        sentence = ngettext(
            "Try again in %(num)d second.", "Try again in %(num)d seconds.", seconds
        )
        return sentence % {"num": seconds}
    minutes = math.ceil(seconds / SECONDS_PER_MINUTE)
    sentence = ngettext("Try again in %(num)d minute.", "Try again in %(num)d minutes.", minutes)
    return sentence % {"num": minutes}
