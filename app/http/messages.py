"""The texts for people by error code and language, read from `app/texts/*.toml`."""

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
    """Return the text of a code, or the one of INTERNAL_ERROR if the code has none."""
    return find_message(code, locale) or load_messages(supported_locale(locale))["INTERNAL_ERROR"]


def find_message(code: str, locale: str) -> UserMessage | None:
    """Return the text of a code, or None if the code has none."""
    return load_messages(supported_locale(locale)).get(code)


def supported_locale(locale: str) -> str:
    return locale if locale in LOCALES else LOCALES[0]


@cache
def load_messages(locale: str) -> dict[str, UserMessage]:
    """Read all texts of a language, once per process."""
    tables = tomllib.loads((files("app") / "texts" / f"{locale}.toml").read_text(encoding="utf-8"))
    return {code: UserMessage(*entry) for code, entry in tables.items()}
