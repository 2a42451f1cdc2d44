"""Figures, sizes and times as people of a language read them. Pure: the caller brings `now`."""

from collections.abc import Callable
from datetime import datetime

from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_decimal
from babel.units import format_unit

BYTES_PER_KB = 1000
BYTE_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte")
ONE_DAY, DAYS_PER_WEEK, DAYS_PER_MONTH, DAYS_PER_YEAR = 1, 7, 30, 365
Translate = Callable[[str], str]
TranslatePlural = Callable[[str, str, int], str]


def format_compact_number(number: int, locale: str) -> str:
    """1200 as 1.2K, 3400000 as 3.4M: one decimal at most, and none that says nothing."""
    return format_compact_decimal(
        number, locale=locale, fraction_digits=1 if number >= BYTES_PER_KB else 0
    )


def format_bytes(count: int, locale: str) -> str:
    """Bytes in the largest unit of which there is one."""
    amount, unit = float(count), BYTE_UNITS[0]
    for unit in BYTE_UNITS:
        if round(amount, 1) < BYTES_PER_KB or unit == BYTE_UNITS[-1]:
            break
        amount /= BYTES_PER_KB
    return format_unit(round(amount, 1), unit, length="short", locale=locale)


def format_percent(value: float, locale: str) -> str:
    return f"{format_decimal(value, format='0.00', locale=locale)} %"


def format_timestamp(at: datetime, locale: str) -> str:
    return f"{format_datetime(at, 'd MMM y, HH:mm:ss', locale=locale)} UTC"


def format_day(at: datetime, locale: str) -> str:
    return format_date(at, "long", locale=locale)


def format_age(
    at: datetime, now: datetime, *, translate: Translate, ngettext: TranslatePlural
) -> str:
    """By the calendar: today, yesterday, then the largest unit that fits. The future is today."""
    days = (now.date() - at.date()).days
    if days <= 0:
        return translate("today")
    if days == ONE_DAY:
        return translate("yesterday")
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
