"""Figures, sizes and times as people of a language read them. Pure: the caller brings `now`."""

from collections.abc import Callable
from datetime import datetime

from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_decimal
from babel.units import format_unit

KB = 1000
UNITS = ("byte", "kilobyte", "megabyte", "gigabyte")
DAY, WEEK, MONTH, YEAR = 1, 7, 30, 365
Say = Callable[[str], str]
Counted = Callable[[str, str, int], str]


def compact(number: int, locale: str) -> str:
    """1200 as 1.2K, 3400000 as 3.4M: one decimal at most, and none that says nothing."""
    return format_compact_decimal(number, locale=locale, fraction_digits=1 if number >= KB else 0)


def size(count: int, locale: str) -> str:
    """Bytes in the largest unit of which there is one."""
    amount, unit = float(count), UNITS[0]
    for unit in UNITS:
        if round(amount, 1) < KB or unit == UNITS[-1]:
            break
        amount /= KB
    return format_unit(round(amount, 1), unit, length="short", locale=locale)


def percent(value: float, locale: str) -> str:
    return f"{format_decimal(value, format='0.00', locale=locale)} %"


def moment(at: datetime, locale: str) -> str:
    return f"{format_datetime(at, 'd MMM y, HH:mm:ss', locale=locale)} UTC"


def day(at: datetime, locale: str) -> str:
    return format_date(at, "long", locale=locale)


def ago(at: datetime, now: datetime, *, say: Say, counted: Counted) -> str:
    """By the calendar: today, yesterday, then the largest unit that fits. The future is today."""
    days = (now.date() - at.date()).days
    if days <= 0:
        return say("today")
    if days == DAY:
        return say("yesterday")
    if days < WEEK:
        return counted("%(num)d day ago", "%(num)d days ago", days) % {"num": days}
    if days < MONTH:
        weeks = days // WEEK
        return counted("%(num)d week ago", "%(num)d weeks ago", weeks) % {"num": weeks}
    if days < YEAR:
        months = days // MONTH
        return counted("%(num)d month ago", "%(num)d months ago", months) % {"num": months}
    years = days // YEAR
    return counted("%(num)d year ago", "%(num)d years ago", years) % {"num": years}
