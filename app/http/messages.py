"""The texts for people by error code and language, read from `app/texts/*.toml`.

`{wait:a few minutes}` in a text is replaced by the time that the error says to wait, so that no
sentence contradicts the figure beside it; without a figure the words in the text stand.
"""

import math
import re
import tomllib
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from babel.units import format_unit

LOCALES = ("en", "fr")
WAIT_PATTERN = re.compile(r"\{wait:([^{}]+)\}")
UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))
SMALLEST_COUNT = 5  # of a unit, unless there is no remainder: 121 seconds, 2 minutes


class UserMessage(NamedTuple):
    """What happened, and what to do about it."""

    message: str
    suggestion: str


def get_message(code: str, locale: str, *, wait: timedelta | None = None) -> UserMessage:
    """Return the text of a code, or the one of INTERNAL_ERROR if the code has none."""
    unknown_error = load_messages(supported_locale(locale))["INTERNAL_ERROR"]
    return find_message(code, locale, wait=wait) or unknown_error


def find_message(code: str, locale: str, *, wait: timedelta | None = None) -> UserMessage | None:
    """Return the text of a code, or None if the code has none.

    `wait` is how long the error says to wait, if it says so.
    """
    message = load_messages(supported_locale(locale)).get(code)
    return message and UserMessage(*(fill_in_wait(text, wait, locale) for text in message))


def fill_in_wait(text: str, wait: timedelta | None, locale: str) -> str:
    words = describe_duration(wait, supported_locale(locale)) if wait else None
    return WAIT_PATTERN.sub(lambda match: words or match[1], text)


def describe_duration(duration: timedelta, locale: str) -> str:
    """Return a duration in words, rounded up: `90 seconds`, `2 minutes`, `5 hours`, `3 days`."""
    seconds = math.ceil(duration.total_seconds())
    unit, unit_seconds = next(
        (unit, unit_seconds)
        for unit, unit_seconds in UNITS
        if seconds >= SMALLEST_COUNT * unit_seconds or seconds % unit_seconds == 0
    )
    return format_unit(math.ceil(seconds / unit_seconds), f"duration-{unit}", locale=locale)


def supported_locale(locale: str) -> str:
    return locale if locale in LOCALES else LOCALES[0]


@cache
def load_messages(locale: str) -> dict[str, UserMessage]:
    """Read all texts of a language, once per process."""
    tables = tomllib.loads((files("app") / "texts" / f"{locale}.toml").read_text(encoding="utf-8"))
    return {code: UserMessage(*entry) for code, entry in tables.items()}
