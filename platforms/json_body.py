"""JSON from platforms: strict decoding, and texts that the database can store."""

import json
import math
from hashlib import sha256
from typing import Any, Never

MAX_BRACKETS = 100
"""A body with more may be nested so deeply that it decodes here, but not where it is read again
with less stack left. It is walked by `make_storable`, which fails on such a depth.
"""

MAX_NAME_LENGTH = 100  # characters of a name column; longer names are stored as their digest
MAX_ID_LENGTH = 255  # characters of an id column; longer ids are stored as their digest
MAX_COUNT = 2**63 - 1  # counts are int64 at the platforms and bigint in our tables


def decode_json(body: bytes) -> Any:
    """Decode a request body into a value that a JSON column can store. Errors: ValueError."""
    try:
        value = STRICT_DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        return value if is_storable(body) else make_storable(value)
    except RecursionError:
        raise ValueError("the JSON in the body is nested too deeply") from None


def reject_constant(constant: str) -> Never:
    raise ValueError(f"{constant} is not a JSON value")


def parse_finite_float(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else reject_constant(number)


# made once: making a decoder takes as long as decoding a delivery
STRICT_DECODER = json.JSONDecoder(parse_constant=reject_constant, parse_float=parse_finite_float)


def is_storable(body: bytes) -> bool:
    """Return whether the decoded body needs no change before it is stored.

    True for a body of few brackets, in ASCII and without Unicode escapes: neither the body nor JSON
    inside its strings can then contain what `make_storable` replaces. This look at the bytes is
    enough for almost every delivery and takes a fifth of the time of a walk through the value.
    """
    has_few_brackets = body.count(b"{") + body.count(b"[") <= MAX_BRACKETS
    return has_few_brackets and body.isascii() and b"\\u" not in body


def make_storable(value: Any) -> Any:
    """Replace NUL and unpaired surrogates, which Postgres refuses in JSON, by U+FFFD."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        cleaned = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return cleaned.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {make_storable(key): make_storable(item) for key, item in value.items()}
    return [make_storable(item) for item in value] if isinstance(value, list) else value


def shorten_or_hash(value: str, limit: int) -> str:
    return value if len(value) <= limit else "sha256:" + sha256(value.encode()).hexdigest()
