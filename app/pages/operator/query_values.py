"""Reads filters of operators' pages from the address; what makes no sense counts as not given."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from app.http.time_zones import current_zone
from core.validation import clamp_time, is_storable_text

MAX_FILTER_CHARS = 200


def read_text(name: str, values: MultiDict[str, str] | None = None) -> str | None:
    """Return a text, shortened; None if it is empty or cannot be stored."""
    text = (request.args if values is None else values).get(name, "").strip()[:MAX_FILTER_CHARS]
    return text if text and is_storable_text(text) else None


def read_day(
    name: str, values: MultiDict[str, str] | None = None, *, is_end: bool = False
) -> datetime | None:
    """Return the beginning, or the end, of a day `YYYY-MM-DD` in the reader's time zone, as UTC."""
    text = (request.args if values is None else values).get(name, "")
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=current_zone())
        moment = day + timedelta(days=1) if is_end else day
        return clamp_time(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def list_set_values(
    names: Mapping[str, str], values: MultiDict[str, str] | None = None
) -> dict[str, Any]:
    """Return those of the named filters that are set, as they were sent, for links and chips."""
    source = request.args if values is None else values
    return {
        name: source[name].strip()[:MAX_FILTER_CHARS]
        for name in names
        if source.get(name, "").strip()
    }
