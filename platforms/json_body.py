"""JSON from platforms: decoded whatever odd values it has, into what the database can store."""

import json
import math
from hashlib import sha256
from typing import Any

import msgspec

MAX_BRACKETS = 100
"""A body with more may be nested so deeply that it decodes here, but not where it is read again
with less stack left. It is walked by `make_storable`, which fails on such a depth.
"""

MAX_NAME_LENGTH = 100  # characters of a name column; longer names are stored as their digest
MAX_ID_LENGTH = 255  # characters of an id column; longer ids are stored as their digest
MAX_COUNT = 2**63 - 1  # counts are int64 at the platforms and bigint in our tables
MAX_EXACT_FLOAT = 2**53  # a larger float has lost digits: as an id it would name something else
MAX_INTEGER_DIGITS = 4000  # int() refuses more than 4300, and no platform means such a number


def decode_json(body: bytes) -> Any:
    """Decode a request body into a value that a JSON column can store. Errors: ValueError.

    Bytes that are no text are replaced: one name in another encoding does not cost the rest.
    """
    try:
        value = decode_answer(body)
        return value if is_storable(body) else make_storable(value)
    except RecursionError:
        raise ValueError("the JSON in the body is nested too deeply") from None


def decode_answer(body: bytes) -> Any:
    """Decode a body with or without a byte order mark. Errors: ValueError, RecursionError.

    Whatever the fast decoder refuses is left to Python's, which understands more.
    """
    try:
        return FAST_DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError):
        return decode_slowly(body)


def decode_slowly(body: bytes) -> Any:
    """Decode a body in any encoding, and values that are no JSON. Errors: as `decode_answer`."""
    encoding = json.detect_encoding(body)
    try:
        text = body.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        text = body.decode(encoding, "replace")
    return decode_text_slowly(text)


def decode_text(text: str) -> Any:
    """Decode a text that is JSON. Errors: ValueError, RecursionError."""
    try:
        return FAST_DECODER.decode(text)
    except (msgspec.MsgspecError, ValueError):
        return decode_text_slowly(text)


def decode_text_slowly(text: str) -> Any:
    """Decode a text that is JSON, or what others take for it. Errors: as `decode_text`."""
    try:
        return JSON_DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # int() refuses a number of thousands of digits
        return LONG_NUMBER_DECODER.decode(text)


def read_constant(_constant: str) -> None:
    """Return None for NaN and Infinity, which are no JSON and which no column stores."""


def parse_integer(number: str) -> int | None:
    return int(number) if len(number) <= MAX_INTEGER_DIGITS else None


def parse_json_float(number: str) -> float | int | None:
    """Return an id that was written with `.0` as the whole number it is; None beyond a float.

    Above 2**53 only digits that no float can have are believed: others may have been rounded.
    """
    whole, _, fraction = number.partition(".")
    if not fraction.strip("0") and whole.lstrip("-").isdigit() and len(whole) <= MAX_EXACT_DIGITS:
        exact = int(whole)
        if abs(exact) <= MAX_EXACT_FLOAT or int(float(exact)) != exact:
            return exact
    value = float(number)
    return value if math.isfinite(value) else None


MAX_EXACT_DIGITS = len(str(MAX_COUNT)) + 1  # with a sign
FAST_DECODER = msgspec.json.Decoder(float_hook=parse_json_float)
"""Gives the same values as Python's in a quarter of the time, or refuses."""
# made once: making a decoder takes as long as decoding a delivery
JSON_DECODER = json.JSONDecoder(parse_constant=read_constant, parse_float=parse_json_float)
LONG_NUMBER_DECODER = json.JSONDecoder(
    parse_constant=read_constant, parse_float=parse_json_float, parse_int=parse_integer
)


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
