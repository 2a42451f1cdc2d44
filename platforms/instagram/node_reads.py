"""What reading from the Graph API has in common: the second token, lists, cursors, subjects.

Source: Meta, Graph API, paginated results, read 2026-11-22.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from platforms.errors import MisdirectedResponse, Rejected, UnreadableResponse
from platforms.instagram.error_catalogue import INVALID_PARAMETER
from platforms.instagram.fallback import with_fallback
from platforms.instagram.graph import GraphClient
from platforms.secret import Secret
from platforms.vendor_values import (
    is_empty_list,
    read_flag,
    read_list,
    read_named_id,
    read_object,
)

T = TypeVar("T")

MAX_CURSOR_LENGTH = 2000  # characters; a longer one is none of Meta's


def node_path(node_id: str, edge: str = "") -> str:
    """Return the path of a node or of one of its edges; the id cannot lead to another path."""
    return "/".join(quote(part, safe="") for part in (node_id, edge) if part)


def read_node(
    client: GraphClient,
    path: str,
    token: Secret,
    fallback_token: Secret | None,
    *,
    endpoint: str,
    params: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Return the body at this path; what the token does not show is read with the other once."""

    def read(token: Secret) -> Mapping[str, Any]:
        return client.get(path, token, endpoint=endpoint, params=params).body

    return with_fallback(read, token, fallback_token)


def try_fields(field_lists: Sequence[str], call: Callable[[str], T]) -> T:
    """Call with the first list of fields that Meta accepts. Errors: those of the last call."""
    for fields in field_lists[:-1]:
        try:
            return call(fields)
        except Rejected as error:
            if error.code != INVALID_PARAMETER.code:
                raise
    return call(field_lists[-1])


def read_data(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a list.

    Errors: UnreadableResponse without a list: only an empty list means that there is nothing.
    """
    items = read_list(body.get("data"))
    objects = [item for item in map(read_object, items) if item is not None]
    if not objects and not is_empty_list(body.get("data")):
        raise UnreadableResponse("the response has no valid `data`")
    return objects


def read_next_cursor(body: Mapping[str, Any], requested: str | None) -> str | None:
    """Return the cursor of the next page; None if there is no `next`, or it leads round."""
    paging = read_object(body.get("paging")) or {}
    next_url = paging.get("next")
    if not isinstance(next_url, str) or not next_url:
        return None
    cursors = read_object(paging.get("cursors")) or {}
    cursor = cursors.get("after")
    if not isinstance(cursor, str) or not cursor:
        cursor = next(iter(parse_qs(urlsplit(next_url).query).get("after", ())), "")
    is_usable = 0 < len(cursor) <= MAX_CURSOR_LENGTH and cursor != requested
    return cursor if is_usable else None


def check_node_id(body: Mapping[str, Any], expected: str, *, key: str = "id") -> None:
    """Check that the answer is about what was asked. Errors: MisdirectedResponse."""
    named = read_named_id(body.get(key))
    if named is not None and named != expected:
        raise MisdirectedResponse(f"the response is about another `{key}` than the request")


def check_success(body: Mapping[str, Any]) -> None:
    """Errors: Rejected if the answer says that the change was not made."""
    if read_flag(body.get("success")) is False:
        raise Rejected("the platform did not make the change", code="platform_refused")
