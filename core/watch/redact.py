"""What must not be read in a log, taken out: by the name it goes under and by what it looks like.

Pure. Must not know where lines go.
"""

import json
import re
from collections.abc import Iterable, Mapping
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

LOOKS = re.compile(
    r"(?P<keep>://)[^\s/@\"']+@"  # user and password of an address
    r"|(?P<query>\?)[^\s\"'<>]*=[^\s\"'<>]*"  # a query string
    r"|(?P<scheme>\b(?:Bearer|Basic|OAuth) )[\w.~+/=!*-]{6,}"
    r"|\bsp_[A-Za-z0-9]+_[\w-]{8,}"  # our own API keys
    r"|\b(?:act|rft|clt)\.[\w.!*~-]{6,}"  # TikTok's tokens
    r"|\b(?:EAA|IGA|IGQ)[A-Za-z0-9]{16,}"  # Meta's
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|\bv1\.[\w-]{1,32}\.[\w+/=]+:[\w+/=]+:[\w+/=]+"  # what we sealed
    r"|[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"  # an e-mail address
)


class Redactor:
    """Takes out the secrets it knows and whatever looks like one."""

    def __init__(self, known: Iterable[Secret] = ()) -> None:
        spellings = {form for secret in known for form in forms(secret.reveal())}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def text(self, line: str) -> str:
        return LOOKS.sub(_kept, self._known.sub(HIDDEN, line))

    def fields(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The same fields; those with a telling name have lost their value, at any depth."""
        return {key: HIDDEN if NAMES.search(key) else self._value(event[key]) for key in event}

    def _value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self.fields({str(key): value[key] for key in value})
        if isinstance(value, list | tuple):
            return [self._value(each) for each in value]
        return value


def forms(secret: str) -> set[str]:
    """How one secret can be written in a line."""
    if len(secret) < LEAST:
        return set()
    written = json.dumps(secret, ensure_ascii=False)[1:-1]
    return {secret, written, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe="")}


def _kept(found: re.Match[str]) -> str:
    """A word of what it was stays, so that the line can still be understood."""
    groups = found.groupdict()
    if groups["keep"]:
        return f"://{HIDDEN}@"
    return (groups["query"] or groups["scheme"] or "") + HIDDEN
