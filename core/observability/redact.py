"""Removes secrets from log lines: fields with secret names, known secrets, and secret patterns."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import NoneType
from typing import Any
from urllib.parse import quote

from platforms.secret import Secret
from platforms.setting_models import SETTING_MODELS

MASK = "***"
MIN_SECRET_LENGTH = 6  # characters; masking a shorter secret would mask parts of every line

SECRET_NAME_PATTERN = re.compile(
    r"token(?!_version)|secret|password|passwd|authorization|cookie|credential|signature|verifier"
    r"|api_?key|_dsn|(upload|broker|database|redis)_url|e-?mail|encrypted|sealed",
    re.IGNORECASE,
)

SECRET_PATTERNS = {
    ("://",): r"(://)[^\s/@\"']+(?=@)",  # user and password in a URL
    ("?",): r"(\?)[^\s\"'<>?=]*=[^\s\"'<>]*",  # a query string
    ("Bearer ", "Basic ", "OAuth "): r"(\b(?:Bearer|Basic|OAuth) )[\w.~+/=!*-]{6,}",
    ("sp_",): r"()\bsp_[A-Za-z0-9]+_[\w-]{8,}",  # our own API keys
    # A JWT, with what stands before it without a blank.
    ("eyJ",): r"()(?<![\w-])(?=[\w-]*eyJ)[\w-]+\.[\w-]+\.[\w-]*",
    ("v1.",): r"()\bv1\.[\w-]{1,32}\.[\w+/=]+:[\w+/=]+:[\w+/=]+",  # our encrypted values
    **{
        marks: pattern
        for model in SETTING_MODELS.values()
        for marks, pattern in model.secret_patterns.items()
    },
    ("@", "%40"): r"()(?<![\w.+-])[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+",  # an e-mail address
}
"""Marks → pattern. The pattern is searched only in lines that contain one of its marks, which most
lines do not: searching for a mark costs a hundredth. Group 1 of a pattern is kept. Lines contain
texts from outside, so no pattern may search the same characters again from each of its beginnings:
what follows a beginning ends before the next one (tests/unit/test_patterns.py).
"""

PATTERNS_BY_MARK = [
    (mark, re.compile(pattern)) for marks, pattern in SECRET_PATTERNS.items() for mark in marks
]
SCALAR_TYPES = (str, int, float, NoneType)  # most values; tested first


class Redactor:
    """Masks known secrets, and whatever looks like one."""

    def __init__(self, known_secrets: Iterable[Secret] = ()) -> None:
        spellings = {
            spelling for secret in known_secrets for spelling in secret_spellings(secret.reveal())
        }
        longest_first = sorted(spellings, key=len, reverse=True)
        self._known_secrets = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def redact_text(self, line: str) -> str:
        """Mask known secrets and secret patterns in a line."""
        line = self._known_secrets.sub(MASK, line)
        for mark, pattern in PATTERNS_BY_MARK:
            if mark in line:
                line = pattern.sub(rf"\1{MASK}", line)
        return line

    def redact_fields(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields with the values of those with secret names masked, at any depth."""
        return {
            key: MASK if is_secret_name(key) else self._redact_value(event[key]) for key in event
        }

    def _redact_value(self, value: Any) -> Any:
        if isinstance(value, SCALAR_TYPES):
            return value
        if isinstance(value, Mapping):
            return self.redact_fields({str(key): value[key] for key in value})
        if isinstance(value, list | tuple):
            return [self._redact_value(item) for item in value]
        return value


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether a field of this name may contain a secret."""
    return SECRET_NAME_PATTERN.search(name) is not None


def secret_spellings(secret: str) -> set[str]:
    """Return the forms in which a secret can appear in a line: JSON, repr, percent-encoded."""
    if len(secret) < MIN_SECRET_LENGTH:
        return set()
    json_escaped = json.dumps(secret, ensure_ascii=False)[1:-1]
    return {
        secret,
        json_escaped,
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        quote(secret, safe=""),
    }
