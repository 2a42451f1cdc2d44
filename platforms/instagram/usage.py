"""How much of Meta's call limits is used up, as the headers of its responses say.

Source: Meta, Graph API "Rate Limits", read 2026-11-22.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from platforms.vendor_values import read_limit, read_list, read_number, read_object, read_text

APP_USAGE_HEADER = "x-app-usage"
ACCOUNT_USAGE_HEADER = "x-business-use-case-usage"
PERCENT_NAMES = ("call_count", "total_time", "total_cputime")
COUNTED_TYPES = frozenset({"instagram", "pages"})  # the limits that our calls use up
MAX_PERCENT = 1000  # a higher number is reduced to it
MAX_REGAIN = timedelta(hours=24)  # the window of the limits; a longer wait is reduced to it
MAX_TYPE_LENGTH = 50  # characters


@dataclass(frozen=True)
class Usage:
    """The share of a limit that is used up. At 100 percent the platform refuses calls.

    `regain` is how long calls are refused, if the platform says so.
    """

    percent: int
    regain: timedelta | None = None


def read_usages(headers: Mapping[str, str]) -> dict[str | None, Usage]:
    """Return the usage by the platform's id of whom a limit belongs to; None: the whole app.

    Shapes: header names are in lower case. What cannot be read is left out.
    """
    usages: dict[str | None, Usage] = {}
    app_usage = read_usage(read_object(headers.get(APP_USAGE_HEADER)) or {})
    if app_usage is not None:
        usages[None] = app_usage
    for owner_id, entries in (read_object(headers.get(ACCOUNT_USAGE_HEADER)) or {}).items():
        usage = combine_usages(iter_account_usages(entries))
        if usage is not None:
            usages[owner_id] = usage
    return usages


def iter_account_usages(entries: Any) -> Iterator[Usage]:
    for entry in map(read_object, read_list(entries)):
        kind = read_text((entry or {}).get("type"), MAX_TYPE_LENGTH)
        usage = None if entry is None else read_usage(entry)
        if usage is not None and (kind is None or kind in COUNTED_TYPES):
            yield usage


def combine_usages(usages: Iterator[Usage]) -> Usage | None:
    """Return the highest share and the longest wait; None if there are none."""
    items = list(usages)
    if not items:
        return None
    regains = [usage.regain for usage in items if usage.regain is not None]
    return Usage(max(usage.percent for usage in items), max(regains, default=None))


def read_usage(entry: Mapping[str, Any]) -> Usage | None:
    numbers = [read_number(entry.get(name)) for name in PERCENT_NAMES]
    percents = [number for number in numbers if number is not None and number >= 0]
    regain_minutes = read_limit(entry.get("estimated_time_to_regain_access"))
    if not percents and regain_minutes is None:
        return None
    longest_minutes = MAX_REGAIN / timedelta(minutes=1)
    regain = regain_minutes and timedelta(minutes=min(regain_minutes, longest_minutes))
    return Usage(min(int(max(percents, default=100)), MAX_PERCENT), regain or None)
