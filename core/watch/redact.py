"""What must not be read in a log, taken out: by the name it goes under and by what it looks like.

Pure. Must not know where lines go.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import NoneType
from typing import Any
from urllib.parse import quote

from platforms.secret import Secret

HIDDEN = "***"
LEAST = 6  # characters; a shorter secret would hide half of every line

NAMES = re.compile(
    r"token(?!_version)|secret|password|passwd|authorization|cookie|credential|signature|verifier"
    r"|api_?key|_dsn|(upload|broker|database|redis)_url|e-?mail|encrypted|sealed",
    re.IGNORECASE,
)

LOOKS = {
    ("://",): r"(://)[^\s/@\"']+(?=@)",  # user and password of an address
    ("?",): r"(\?)[^\s\"'<>]*=[^\s\"'<>]*",  # a query string
    ("Bearer ", "Basic ", "OAuth "): r"(\b(?:Bearer|Basic|OAuth) )[\w.~+/=!*-]{6,}",
    ("sp_",): r"()\bsp_[A-Za-z0-9]+_[\w-]{8,}",  # our own API keys
    ("act.", "rft.", "clt."): r"()\b(?:act|rft|clt)\.[\w.!*~-]{6,}",  # TikTok's tokens
    ("EAA", "IGA", "IGQ"): r"()\b(?:EAA|IGA|IGQ)[A-Za-z0-9]{16,}",  # Meta's
    ("eyJ",): r"()\beyJ[\w-]+\.[\w-]+\.[\w-]*",  # a JWT
    ("v1.",): r"()\bv1\.[\w-]{1,32}\.[\w+/=]+:[\w+/=]+:[\w+/=]+",  # what we sealed
    ("@", "%40"): r"()(?<![\w.+-])[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+",  # an e-mail address
}
"""Marks without which there is nothing to find, and the whole look of it behind what may stay. Most
lines have no mark, and looking for marks costs a hundredth of looking for the rest.
"""

MARKED = [(mark, re.compile(look)) for marks, look in LOOKS.items() for mark in marks]
PLAIN = (str, int, float, NoneType)  # as most values are


class Redactor:
    """Takes out the secrets it knows and whatever looks like one."""

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        spellings = {form for secret in known for form in forms(secret.reveal())}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def text(self, line: str) -> str:
        line = self._known.sub(HIDDEN, line)
        for mark, look in MARKED:
            if mark in line:
                line = look.sub(rf"\1{HIDDEN}", line)
        return line

    def fields(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The same fields; those with a telling name have lost their value, at any depth."""
        return {key: HIDDEN if is_telling(key) else self._value(event[key]) for key in event}

    def _value(self, value: Any) -> Any:
        if isinstance(value, PLAIN):
            return value
        if isinstance(value, Mapping):
            return self.fields({str(key): value[key] for key in value})
        if isinstance(value, list | tuple):
            return [self._value(each) for each in value]
        return value


@lru_cache(maxsize=1024)
def is_telling(name: str) -> bool:
    """Whether a secret may go under this name."""
    return NAMES.search(name) is not None


def forms(secret: str) -> set[str]:
    """How one secret can be written in a line."""
    if len(secret) < LEAST:
        return set()
    written = json.dumps(secret, ensure_ascii=False)[1:-1]
    return {secret, written, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe="")}
