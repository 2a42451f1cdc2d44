"""Reads the values in platforms' responses and deliveries, in whatever shape they come.

A number may come as text, a single value instead of a list, a list as text, a flag as "false", an
object as text of JSON. Every function returns None (or nothing, where it returns several values)
for what is absent or cannot be read: that means "not said" and never zero, false or a limit. None
of them raises an error for any JSON value, so that one odd field does not cost the others.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from platforms.json_body import (
    MAX_COUNT,
    MAX_EXACT_FLOAT,
    MAX_ID_LENGTH,
    decode_text,
    make_storable,
    parse_json_float,
    shorten_or_hash,
)

MAX_DIGITS = len(str(MAX_COUNT))  # of a number given as text; int() refuses thousands of them
MAX_ENCODINGS = 3  # how often JSON may be encoded inside JSON
FLAG_TEXTS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
PLAIN_ID_PATTERN = re.compile(r"[0-9A-Za-z]+|[A-Za-z_][\w~.-]*", re.ASCII)
FLOAT_PATTERN = re.compile(r"-?\d+\.0*|-?\d+(\.\d+)?[eE]\+?\d+", re.ASCII)  # of a whole number
DATE_PATTERN = re.compile(r"\d{4}-?\d{2}-?\d{2}[Tt ]", re.ASCII)
MILLISECONDS_FROM = 100_000_000_000  # a greater time is in milliseconds, as some messages have it
TOKEN_PATTERN = re.compile(r"[!-~]{1,4096}")  # seen at all platforms; none documents it
AROUND_IDS = ' \t\r\n\f\v"\N{NO-BREAK SPACE}\N{ZERO WIDTH NO-BREAK SPACE}'
"""Characters around ids and names: blanks, and the quotes of a text that is encoded once more."""
NULL_TEXTS = frozenset({"", "null", "none", "undefined"})


def read_text(value: Any, limit: int) -> str | None:
    """Return a text, cut to `limit` characters; a whole number counts as a text too."""
    if isinstance(value, int) and not isinstance(value, bool):
        return digits_of(value)
    if not isinstance(value, str) or not value.strip():
        return None
    return str(make_storable(value[:limit]))


def read_url(value: Any, limit: int) -> str | None:
    """Return a web address of at most `limit` characters: a cut one leads nowhere."""
    text = read_text(value, limit + 1)
    is_url = text is not None and len(text) <= limit and text.startswith(("https://", "http://"))
    return text if is_url else None


def read_id(value: Any, limit: int = MAX_ID_LENGTH) -> str | None:
    """Return an id as text, whichever type it comes in; one longer than `limit` as its digest."""
    if isinstance(value, str):
        if PLAIN_ID_PATTERN.fullmatch(value) and len(value) <= limit:
            return value  # what almost every id is
        value = value.strip(AROUND_IDS)
        if FLOAT_PATTERN.fullmatch(value) and len(value) <= limit:
            return read_id(parse_json_float(value), limit)
        return shorten_or_hash(str(make_storable(value)), limit) or None
    if isinstance(value, int) and not isinstance(value, bool):
        digits = digits_of(value)
        return None if digits is None else shorten_or_hash(digits, limit)
    if isinstance(value, float):
        return None if (number := whole_number(value)) is None else str(number)
    return read_id(item, limit) if (item := only_item(value)) is not None else None


def read_named_id(value: Any, limit: int = MAX_ID_LENGTH) -> str | None:
    """Return an id that names whom or what an answer is about; zero and "null" name nothing."""
    named = read_id(value, limit)
    if named is None or named.lower() in NULL_TEXTS or not named.strip("0"):
        return None
    return named


def read_ids(value: Any) -> tuple[str, ...]:
    """Return ids as text from a list, a single id, or a text of several. 0 is no id."""
    if value is None:  # as in most deliveries
        return ()
    ids: list[str | None] = []
    for item in flatten_once(value) if isinstance(value, list) else [value]:
        ids += split_list(item) if isinstance(item, str) else [read_id(item)]
    return tuple(dict.fromkeys(text for text in map(read_id, ids) if text and text.strip("0")))


def read_names(value: Any) -> tuple[str, ...]:
    """Return names, such as scopes: from a list, or a text with commas or blanks between them."""
    items = flatten_once(value) if isinstance(value, list) else [value]
    texts = (item for item in items if isinstance(item, str))
    return tuple(dict.fromkeys(name for text in texts for name in split_list(text)))


def read_count(value: Any) -> int | None:
    """Return a whole number from 0 to 2**63 - 1."""
    number = read_number(value)
    if not isinstance(number, int):
        return None
    return number if 0 <= number <= MAX_COUNT else None


def read_limit(value: Any) -> int | float | None:
    """Return a number above zero: a limit of nothing is a limit that was not said."""
    number = read_number(value)
    return number if number is not None and number > 0 else None


def read_number(value: Any) -> int | float | None:
    """Return a number, whole if it has no fraction."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return simplify_float(value)
    if isinstance(value, str):
        return parse_number(value.strip(' \t\r\n"'))
    return read_number(only_item(value))


def read_duration(value: Any, *, longest: timedelta) -> timedelta | None:
    """Return a duration given in seconds, at most `longest`; None for zero or less."""
    seconds = read_limit(value)
    if seconds is None:
        return None
    if seconds >= longest.total_seconds():
        return longest
    return timedelta(seconds=seconds) or None  # less than a microsecond is nothing


def read_time(value: Any) -> datetime | None:
    """Return a time given in seconds or milliseconds since 1970, or in the form of ISO 8601."""
    number = read_number(value)
    try:
        if number is not None:
            seconds = int(number / 1000 if number > MILLISECONDS_FROM else number)
            return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
        text = only_item(value) if isinstance(value, list) else value
        if isinstance(text, str) and DATE_PATTERN.match(text.strip()):
            time = datetime.fromisoformat(text.strip().upper())
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def read_flag(value: Any) -> bool | None:
    """Return a flag given as such, as 0 or 1, or as a text for either."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return FLAG_TEXTS.get(value.strip(' \t\r\n"').lower())
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    return read_flag(only_item(value))


def read_object(value: Any) -> dict[str, Any] | None:
    """Return an object, also one that is encoded as text or is the only item of a list."""
    if isinstance(value, dict):
        return value
    decoded = decode_nested(value) if isinstance(value, str) else value
    for _ in range(MAX_ENCODINGS):
        if not isinstance(decoded, list) or len(decoded) != 1:
            break
        decoded = decode_nested(decoded[0]) if isinstance(decoded[0], str) else decoded[0]
    return decoded if isinstance(decoded, dict) else None


def read_list(value: Any) -> list[Any]:
    """Return the items of a list, also of one that is encoded as text; or a single value in one."""
    decoded = decode_nested(value) if isinstance(value, str) else value
    if isinstance(decoded, list):
        return decoded
    return [] if decoded is None or decoded in ("", {}) else [decoded]


def is_empty_list(value: Any) -> bool:
    """Return whether an answer says that there is nothing; absent and unreadable say nothing."""
    decoded = decode_nested(value) if isinstance(value, str) else value
    return isinstance(decoded, list) and not decoded


def find_field(payload: Mapping[str, Any], name: str) -> Any:
    """Return a field by its name, or by its spelling in another case (`accessToken`).

    For what is lost for good if it is not found: new tokens, and what is said beside them.
    """
    if payload.get(name) is not None:
        return payload[name]
    folded = fold_name(name)
    same = (value for key, value in payload.items() if fold_name(key) == folded)
    return next((value for value in same if value is not None), None)


def fold_name(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def read_token_text(value: Any) -> str | None:
    """Return a token as it can be sent: printable ASCII, without what surrounds it."""
    text = only_item(value) if isinstance(value, list) else value
    if not isinstance(text, str):
        return None
    stripped = text.strip(' \t\r\n"')
    return stripped if TOKEN_PATTERN.fullmatch(stripped) else None


def decode_nested(text: str) -> Any:
    """Decode a text that contains JSON, however often it was encoded; other text is unchanged."""
    value: Any = text
    for _ in range(MAX_ENCODINGS):
        stripped = value.strip() if isinstance(value, str) else ""
        if not stripped.startswith(("{", "[", '"')):
            break
        try:
            value = decode_text(stripped)
        except (ValueError, RecursionError):
            break
    if value is text or is_plain(text):
        return value
    try:
        return make_storable(value)
    except RecursionError:
        return None


def is_plain(text: str) -> bool:
    """Return whether what the text decodes to can be stored as it is.

    Looking at the text takes a fraction of the time of a walk through the value. JSON encoded
    twice has its escapes escaped, which the same look finds.
    """
    return text.isascii() and "\\u" not in text


def split_list(text: str) -> Iterator[str]:
    """Yield the parts of a text of several values; brackets and quotes of a list are left out."""
    for part in text.replace(",", " ").split():
        name = part.strip("[]\"'")
        if name and name.lower() not in NULL_TEXTS:
            yield str(make_storable(name))


def parse_number(text: str) -> int | float | None:
    whole, _, fraction = text.partition(".")
    if is_digits(whole.removeprefix("-")) and not fraction.strip("0"):
        return int(whole)
    if len(text) > 2 * MAX_DIGITS or "_" in text or not text.isascii():
        return None
    try:
        return simplify_float(float(text))
    except ValueError:
        return None


def is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def simplify_float(number: float) -> int | float | None:
    """Return a float as a whole number where it is one; None if it is no finite number."""
    if not isfinite(number):
        return None
    return number if not number.is_integer() else whole_number(number)


def whole_number(number: float) -> int | None:
    is_exact = isfinite(number) and number.is_integer() and abs(number) <= MAX_EXACT_FLOAT
    return int(number) if is_exact else None


def digits_of(number: int) -> str | None:
    """Return the digits of a whole number; None for one that no platform means."""
    return str(number) if abs(number) <= MAX_COUNT else None


def flatten_once(items: list[Any]) -> Iterator[Any]:
    """Yield the items, and in their place those of lists among them; an empty list is an item."""
    for item in items:
        yield from item if item and isinstance(item, list) else (item,)


def only_item(value: Any) -> Any:
    """Return the item of a list of one, unless it is a list itself; else None."""
    is_only = isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list)
    return value[0] if is_only else None
