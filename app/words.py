"""What people read when something goes wrong, by code and language. Words only, no decisions."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

LOCALES = ("en", "fr")


class Words(NamedTuple):
    """What happened, and what to do about it."""

    says: str
    next: str


def words(code: str, locale: str) -> Words:
    """Of the given language; of the general error for a code nobody has described."""
    return known(code, locale) or dictionary(in_use(locale))["INTERNAL_ERROR"]


def known(code: str, locale: str) -> Words | None:
    """None for a code that nobody has described."""
    return dictionary(in_use(locale)).get(code)


def in_use(locale: str) -> str:
    return locale if locale in LOCALES else LOCALES[0]


@cache
def dictionary(locale: str) -> dict[str, Words]:
    read = tomllib.loads((files("app") / "texts" / f"{locale}.toml").read_text(encoding="utf-8"))
    return {code: Words(*entry) for code, entry in read.items()}
