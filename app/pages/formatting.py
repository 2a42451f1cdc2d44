"""Numbers, sizes and times formatted for a language. Pure: the caller passes `now`."""

import math
from collections.abc import Callable
from datetime import datetime

from babel.dates import format_datetime
from babel.numbers import format_compact_decimal, format_decimal
from babel.units import format_unit

BYTES_PER_KB = 1000
SECONDS_PER_MINUTE = 60
BYTE_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte")
ONE_DAY, DAYS_PER_WEEK, DAYS_PER_MONTH, DAYS_PER_YEAR = 1, 7, 30, 365
Translate = Callable[[str], str]
TranslatePlural = Callable[[str, str, int], str]


def format_compact_number(number: int, locale: str) -> str:
    """Format 1200 as 1.2K and 3400000 as 3.4M: at most one decimal, no trailing zero."""
    return format_compact_decimal(
        number, locale=locale, fraction_digits=1 if number >= BYTES_PER_KB else 0
    )


def format_bytes(count: int, locale: str) -> str:
    """Format a number of bytes in the largest unit that gives at least 1."""
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


def format_age(
    at: datetime, now: datetime, *, translate_text: Translate, ngettext: TranslatePlural
) -> str:
    """Format an age by calendar days: today, yesterday, then in the largest unit that fits.

    A time in the future is formatted as today.
    """
    days = (now.date() - at.date()).days
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
