"""JSON for the database: written and read by msgspec, and by Python's `json` where that refuses.

A batch of webhook events is mostly JSON on its way to Postgres and back. Decision 0063.
"""

import json
from datetime import datetime
from typing import Any

import msgspec

FAST_ENCODER = msgspec.json.Encoder()
FAST_DECODER = msgspec.json.Decoder()


def encode_json(value: Any) -> str:
    """Return the value as JSON; times become text that Postgres reads back to the microsecond.

    NaN and the infinities, which no column of type jsonb stores, become null.
    Errors: TypeError, ValueError.
    """
    try:
        return FAST_ENCODER.encode(value).decode()
    except (TypeError, ValueError):  # a text of a class of its own, or an unpaired surrogate
        return json.dumps(value, default=encode_time)


def encode_time(value: Any) -> str:
    """Errors: TypeError if it is no time."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} cannot be stored as JSON")
    return value.isoformat()


def decode_json_column(text: str) -> Any:
    """Return the value of a column of type json or jsonb, as Python's `json` decodes it."""
    try:
        return FAST_DECODER.decode(text)
    except (msgspec.MsgspecError, ValueError):  # a number that no float holds
        return json.loads(text)
