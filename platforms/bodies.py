"""Bodies of deliveries as values that a JSON column can hold. Pure; knows no platform's shapes."""

import json
import math
from hashlib import sha256
from typing import Any, Never

SHALLOW = 100  # brackets; what is read must be readable again from wherever we stand
MAX_NAME, MAX_ID = 100, 255  # characters the columns hold; anything longer is kept as its digest


def decoded(body: bytes) -> Any:
    """Errors: ValueError."""
    try:
        value = STRICT.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        return value if is_plain(body) else storable(value)
    except RecursionError:
        raise ValueError("the body is nested beyond reason") from None


def refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else refuse(number)


STRICT = json.JSONDecoder(parse_constant=refuse, parse_float=finite)  # making one costs a reading


def is_plain(body: bytes) -> bool:
    """Nothing in it, nor in JSON inside its texts, is deep or can become what `storable` replaces.

    A look at the bytes, which nearly every letter passes, is a fifth of a walk through the value.
    """
    few = body.count(b"{") + body.count(b"[") <= SHALLOW
    return few and body.isascii() and b"\\u" not in body


def storable(value: Any) -> Any:
    """Postgres takes neither NUL nor half a surrogate pair in JSON; both become a mark."""
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, dict):
        return {storable(key): storable(one) for key, one in value.items()}
    return [storable(one) for one in value] if isinstance(value, list) else value


def text(value: Any, limit: int = MAX_ID) -> str | None:
    """Ids come as strings or as numbers, by event; empty and absent are the same."""
    is_id = isinstance(value, str | int) and not isinstance(value, bool)
    return fit(str(value), limit) or None if is_id else None


def fit(value: str, limit: int) -> str:
    return value if len(value) <= limit else "sha256:" + sha256(value.encode()).hexdigest()
