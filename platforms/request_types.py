"""Types of the fields of a post request, shared by the general route and the platforms' own."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from platforms.url_rules import validate_public_https_url

RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)

BLANK_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Mn", "Mc", "Me"})
"""Controls, separators, and marks, which change a character before them and say nothing alone."""
BLANK_CHARACTERS = frozenset(
    {
        *"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0",  # fillers and the empty Braille cell
        *map(chr, (0x2065, *range(0xFFF0, 0xFFF9), *range(0xE0000, 0xE1000))),  # not assigned yet
    }
)
"""Signs of other categories that are drawn as nothing."""


def parse_rfc3339(value: Any) -> datetime:
    """Parse an RFC 3339 time with its zone. Errors: ValueError."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("must be a time such as 2026-11-25T09:30:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time that exist") from None


def is_blank(text: str) -> bool:
    """Whether nobody can read anything: blanks, controls, characters without a width, marks alone.

    Source: Unicode, Default_Ignorable_Code_Point and its blank signs, read 2026-11-29.
    """
    return all(
        unicodedata.category(character) in BLANK_CATEGORIES or character in BLANK_CHARACTERS
        for character in text
    )


def utf16_length(text: str) -> int:
    """Length in UTF-16 units, which some platforms count."""
    return len(text.encode("utf-16-le")) // 2


RowId = Annotated[int, Field(ge=1, lt=2**63)]
PublicHttpsUrl = Annotated[str, AfterValidator(validate_public_https_url)]
PublishTime = Annotated[datetime, BeforeValidator(parse_rfc3339)]
