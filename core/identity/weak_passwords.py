"""Passwords that are guessed first: common ones, and those made of known names."""

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

from db.providers import PROVIDERS

COMMON_PASSWORDS_FILE = Path(__file__).with_name("common_passwords.txt.gz")
"""15,060 passwords and words of ten characters or more, in lower case, each between line ends.

Source: the lists of Django 5.2.19, zxcvbn 4.5.0, @zxcvbn-ts/language-common 4.1.3 and
popular-passwords 1.0.3, read 2026-11-30; their licences are beside it.
"""

KNOWN_NAMES = ("signalpost", *PROVIDERS)
MIN_NAME_CHARS = 4  # shorter parts of an e-mail are in too many words
MIN_OTHER_CHARS = 4
"""So many alphabetic characters have to remain of a password when the known names are taken out."""


def is_common_password(text: str) -> bool:
    """Whether it is one of the listed ones, in upper or lower case.

    The list is read each time: passwords are chosen seldom, and it would take 2 MB in each process.
    """
    listed = gzip.decompress(COMMON_PASSWORDS_FILE.read_bytes()).decode()
    return f"\n{text.casefold()}\n" in listed


def is_made_of_names(text: str, *, email: str = "") -> bool:
    """Whether it consists of our name, those of platforms or parts of the e-mail, and fewer than
    `MIN_OTHER_CHARS` others.
    """
    folded = text.casefold()
    rest = re.sub("|".join(map(re.escape, list_names(email))), "", folded)
    return rest != folded and sum(map(str.isalpha, rest)) < MIN_OTHER_CHARS


def list_names(email: str) -> list[str]:
    """The names that a password may not consist of, the longest first."""
    folded = email.casefold()
    parts: Iterable[str] = filter(None, (folded, *re.split(r"[^\w]+", folded)))
    names = {*KNOWN_NAMES, *(part for part in parts if len(part) >= MIN_NAME_CHARS)}
    return sorted(names, key=len, reverse=True)
