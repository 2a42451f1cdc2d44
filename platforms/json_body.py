"""Bodies of deliveries as values that a JSON column can hold. Pure; knows no platform's shapes."""

import json
import math
from hashlib import sha256
from typing import Any, Never

MAX_BRACKETS = 100  # brackets; what is read must be readable again from wherever we stand
MAX_NAME_LENGTH, MAX_ID_LENGTH = (
    100,
    255,
)  # characters the columns hold; anything longer is kept as its digest


def decode_json(body: bytes) -> Any:
    """Errors: ValueError."""
    try:
        value = STRICT_DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        return value if is_storable(body) else make_storable(value)
    except RecursionError:
        raise ValueError("the body is nested beyond reason") from None


def reject_constant(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def parse_finite_float(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else reject_constant(number)


STRICT_DECODER = json.JSONDecoder(
    parse_constant=reject_constant, parse_float=parse_finite_float
)  # making one costs a reading


def is_storable(body: bytes) -> bool:
    """Nothing in it, nor in JSON inside its texts, is deep or can become what `storable` replaces.

    A look at the bytes, which nearly every letter passes, is a fifth of a walk through the value.
    """
    is_shallow = body.count(b"{") + body.count(b"[") <= MAX_BRACKETS
    return is_shallow and body.isascii() and b"\\u" not in body


def make_storable(value: Any) -> Any:
    """Postgres takes neither NUL nor half a surrogate pair in JSON; both become a mark."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        cleaned = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return cleaned.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {make_storable(key): make_storable(one) for key, one in value.items()}
    return [make_storable(one) for one in value] if isinstance(value, list) else value


def to_text(value: Any, limit: int = MAX_ID_LENGTH) -> str | None:
    """Ids come as strings or as numbers, by event; empty and absent are the same."""
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    return shorten_or_hash(str(value), limit) or None if is_id else None


def shorten_or_hash(value: str, limit: int) -> str:
    return value if len(value) <= limit else "sha256:" + sha256(value.encode()).hexdigest()
