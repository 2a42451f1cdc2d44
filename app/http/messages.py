"""What people read when something goes wrong, by code and language. Words only, no decisions."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

LOCALES = ("en", "fr")


class UserMessage(NamedTuple):
    """What happened, and what to do about it."""

    message: str
    suggestion: str


def get_message(code: str, locale: str) -> UserMessage:
    """Of the given language; of the general error for a code nobody has described."""
    return find_message(code, locale) or load_messages(supported_locale(locale))["INTERNAL_ERROR"]


def find_message(code: str, locale: str) -> UserMessage | None:
    """None for a code that nobody has described."""
    return load_messages(supported_locale(locale)).get(code)


def supported_locale(locale: str) -> str:
    return locale if locale in LOCALES else LOCALES[0]


@cache
def load_messages(locale: str) -> dict[str, UserMessage]:
    tables = tomllib.loads((files("app") / "texts" / f"{locale}.toml").read_text(encoding="utf-8"))
    return {code: UserMessage(*entry) for code, entry in tables.items()}
