"""Parses Meta's deliveries into one event per change, whichever of their shapes they have.

Source: Meta, webhooks reference `instagram`, its examples and captured traffic, read 2026-11-22.
The documentation and the real deliveries differ, so both shapes are parsed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from platforms.base import IGNORED_KIND, ParsedEvent
from platforms.json_body import MAX_ID_LENGTH, MAX_NAME_LENGTH, shorten_or_hash, to_text

ChangeValue = Mapping[str, Any]


def comment_key(value: ChangeValue) -> str:
    return to_text(value.get("id") or value.get("comment_id")) or ""


def mention_key(value: ChangeValue) -> str:
    return f"{to_text(value.get('media_id')) or ''}:{to_text(value.get('comment_id')) or ''}"


def media_key(value: ChangeValue) -> str:
    return to_text(value.get("media_id")) or ""


def message_key(value: ChangeValue) -> str:
    message = value.get("message")
    return to_text(message.get("mid")) or "" if isinstance(message, Mapping) else ""


def no_key(_value: ChangeValue) -> str:
    return ""


NATURAL_KEYS: Mapping[str, Callable[[ChangeValue], str]] = {
    "comments": comment_key,
    "live_comments": comment_key,
    "mentions": mention_key,
    "story_insights": media_key,
    "messages": message_key,
}
"""The part of a field's value that identifies a change; for other fields the whole value does."""


def iter_changes(root: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield pairs of an entry's id and time and one of its changes as `{field, value}`."""
    for envelope in root if isinstance(root, list) else [root]:
        if not isinstance(envelope, dict):
            continue
        entries = envelope.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                entry_info = {name: entry[name] for name in ("id", "time") if name in entry}
                yield from ((entry_info, change) for change in iter_entry_changes(entry))


def iter_entry_changes(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the changes of an entry.

    They come as `changes`, as a single change in the entry itself, as names without values
    (`changed_fields`) or as `messaging`.
    """
    changes = [change for change in get_list(entry, "changes") if isinstance(change, dict)]
    for change in [*changes, entry]:
        if isinstance(change.get("field"), str):
            yield {"field": change["field"], "value": change.get("value")}
    for name in get_list(entry, "changed_fields"):
        if isinstance(name, str):
            yield {"field": name, "value": None}
    for message in get_list(entry, "messaging"):
        yield {"field": "messages", "value": message}


def get_list(entry: Mapping[str, Any], name: str) -> list[Any]:
    value = entry.get(name)
    return value if isinstance(value, list) else []


def parse_change(entry: Mapping[str, Any], change: Mapping[str, Any]) -> ParsedEvent:
    """Return the event of one change.

    The key leaves out the entry's time: Meta sets it anew in every redelivery. No change has an
    effect yet, so all are stored and ignored, including the dashboard's test events (account 0).
    """
    value, account = change.get("value"), to_text(entry.get("id"))
    name = shorten_or_hash(change["field"], MAX_NAME_LENGTH)
    find_key = NATURAL_KEYS.get(change["field"], no_key)
    natural_key = find_key(value) if isinstance(value, Mapping) else ""
    digest = sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return ParsedEvent(
        key=shorten_or_hash(f"{name}:{account}:{natural_key}:{digest}", MAX_ID_LENGTH),
        kind=IGNORED_KIND,
        vendor_event=name,
        payload={"entry": entry, "change": change},
        platform_user_id=account,
    )
