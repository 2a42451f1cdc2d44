"""Cursor paging: opaque cursors, and links without a token if the request sent it in a header.

Source: Meta, Graph API, paginated results, read 2026-11-22.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from flask import request

from platforms.sandbox.instagram.graph_errors import invalid_parameter

DEFAULT_LIMIT = 25
CURSOR_PREFIX = "QVFI"  # as Meta's cursors begin
LINK_PARAMS = ("fields", "metric", "period", "since", "until")
JsonItem = Mapping[str, Any]


def page_of(
    items: Sequence[JsonItem],
    params: Mapping[str, Any],
    *,
    max_limit: int,
    url: str,
    default_limit: int = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """Return one page of the items as `{"data": …, "paging": …}`.

    A cursor names an item, so a list that grows at its head does not shift the pages. Errors:
    GraphError 100 for a limit or a cursor that cannot be read.
    """
    limit = min(read_limit(params, default_limit), max_limit)
    start, stop = find_window(items, params, limit)
    page = items[start:stop]
    answer: dict[str, Any] = {"data": list(page)}
    if page:
        before, after = encode_cursor(start, page[0]), encode_cursor(stop - 1, page[-1])
        answer["paging"] = {"cursors": {"before": before, "after": after}}
        if stop < len(items):
            answer["paging"]["next"] = page_link(url, params, limit, after=after)
        if start > 0:
            answer["paging"]["previous"] = page_link(url, params, limit, before=before)
    return answer


def read_limit(params: Mapping[str, Any], default: int) -> int:
    text = str(params.get("limit", default))
    if not text.isdecimal() or int(text) < 1:
        raise invalid_parameter("Param limit must be a positive integer")
    return int(text)


def find_window(
    items: Sequence[JsonItem], params: Mapping[str, Any], limit: int
) -> tuple[int, int]:
    """Return the first position of the page and the position after its last."""
    if params.get("after"):
        start = find_cursor(items, str(params["after"])) + 1
    elif params.get("before"):
        end = find_cursor(items, str(params["before"]))
        return max(end - limit, 0), max(end, 0)
    else:
        start = 0
    return start, max(start, min(start + limit, len(items)))


def encode_cursor(position: int, item: JsonItem) -> str:
    text = f"{position}:{item.get('id', '')}"
    return CURSOR_PREFIX + urlsafe_b64encode(text.encode()).decode().rstrip("=")


def find_cursor(items: Sequence[JsonItem], cursor: str) -> int:
    """Return the position of the cursor's item; if it is gone, the position that it had."""
    text = cursor.removeprefix(CURSOR_PREFIX)
    try:
        decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        position = int(decoded.partition(":")[0])
    except (ValueError, binascii.Error):
        raise invalid_parameter("Invalid cursor") from None
    item_id = decoded.partition(":")[2]
    for index, item in enumerate(items):
        if item_id and item.get("id") == item_id:
            return index
    return min(position, len(items)) - 1


def page_link(url: str, params: Mapping[str, Any], limit: int, **cursor: str) -> str:
    """Return the address of another page, with the token only if it was in the query."""
    query = {name: str(params[name]) for name in LINK_PARAMS if name in params}
    if "access_token" in request.args:
        query["access_token"] = request.args["access_token"]
    return f"{url}?{urlencode({**query, 'limit': str(limit), **cursor})}"
