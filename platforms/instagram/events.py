"""Parses Meta's deliveries into one event per change, whichever of their shapes they have.

Every entry becomes at least one event.

Source: Meta, webhooks reference `instagram`, its examples and captured traffic, read 2026-11-22.
The documentation and the real deliveries differ, so both shapes are parsed.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from platforms.base import IGNORED_KIND, ParsedEvent
from platforms.json_body import MAX_ID_LENGTH, MAX_NAME_LENGTH, shorten_or_hash
from platforms.vendor_values import read_id, read_list, read_object

ChangeValue = Mapping[str, Any]


def comment_key(value: ChangeValue) -> str:
    return read_id(value.get("id") or value.get("comment_id")) or ""


def mention_key(value: ChangeValue) -> str:
    return f"{read_id(value.get('media_id')) or ''}:{read_id(value.get('comment_id')) or ''}"


def media_key(value: ChangeValue) -> str:
    return read_id(value.get("media_id")) or ""


def message_key(value: ChangeValue) -> str:
    message = read_object(value.get("message")) or {}
    return read_id(message.get("mid")) or ""


def no_key(_value: ChangeValue) -> str:
    return ""


NATURAL_KEYS: Mapping[str, Callable[[ChangeValue], str]] = {
    "comments": comment_key,
    "live_comments": comment_key,
    "mentions": mention_key,
    "story_insights": media_key,
    "messages": message_key,
    "standby": message_key,
}
"""The part of a field's value that identifies a change; for other fields the whole value does."""


UNKNOWN_FIELD = "unknown"
"""The field of an event whose entry, or change, has none of the known forms."""

MESSAGE_FIELDS = {"messaging": "messages", "standby": "standby"}
"""Lists of messages in an entry → the field of their events. `standby`: another app answers."""

PLAIN_KEYS = frozenset({"id", "time", "changes", "changed_fields", "field", "value"})
"""Keys of an entry that are not lists of something else."""


def iter_changes(root: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield pairs of an entry's id and time and one of its changes as `{field, value}`.

    Every entry gives at least one pair, and so does everything else in a delivery that has entries:
    Meta does not deliver again what was answered with 200. A body without any entry gives nothing.
    """
    envelopes = read_list(root)
    entries_of = [list_entries(envelope) for envelope in envelopes]
    if not any(entries_of):
        return
    for envelope, entries in zip(envelopes, entries_of, strict=True):
        if not entries:
            yield {}, {"field": UNKNOWN_FIELD, "value": envelope}
        for entry in entries:
            fields = read_object(entry)
            if fields is None:
                yield {}, {"field": UNKNOWN_FIELD, "value": entry}
                continue
            entry_info: dict[str, Any] = {
                name: fields[name] for name in ("id", "time") if name in fields
            }
            yield from ((entry_info, change) for change in list_entry_changes(fields))


def list_entries(envelope: Any) -> list[Any]:
    fields = read_object(envelope)
    return [] if fields is None else read_list(fields.get("entry"))


def list_entry_changes(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the changes of an entry, at least one.

    They come as `changes`, as a single change in the entry itself, as names without values
    (`changed_fields`) or as `messaging` and `standby`. Lists under other names are kept under
    these names.
    """
    changes = [as_change(change) for change in read_list(entry.get("changes"))]
    if isinstance(entry.get("field"), str):
        changes.append({"field": entry["field"], "value": entry.get("value")})
    changes += [
        {"field": name if isinstance(name, str) else UNKNOWN_FIELD, "value": None}
        for name in read_list(entry.get("changed_fields"))
    ]
    for key, value in entry.items():
        if key in MESSAGE_FIELDS or (key not in PLAIN_KEYS and isinstance(value, list)):
            field = MESSAGE_FIELDS.get(key, key) or UNKNOWN_FIELD
            changes += [{"field": field, "value": item} for item in read_list(value)]
    if changes:
        return changes
    rest = {key: value for key, value in entry.items() if key not in ("id", "time")}
    return [{"field": UNKNOWN_FIELD, "value": rest}]


def as_change(item: Any) -> dict[str, Any]:
    """Return an item of `changes` as it is, or as the value of an unknown field."""
    change = read_object(item)
    if change is None or not isinstance(change.get("field"), str):
        return {"field": UNKNOWN_FIELD, "value": item}
    return {"field": change["field"], "value": change.get("value")}


def parse_change(entry: Mapping[str, Any], change: Mapping[str, Any]) -> ParsedEvent:
    """Return the event of one change.

    The key leaves out the entry's time: Meta sets it anew in every redelivery. No change has an
    effect yet, so all are stored and ignored, including the dashboard's test events (account 0).
    """
    value, account = change.get("value"), read_id(entry.get("id"))
    name = shorten_or_hash(change["field"], MAX_NAME_LENGTH)
    find_key = NATURAL_KEYS.get(change["field"], no_key)
    natural_key = find_key(read_object(value) or {})
    digest = sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return ParsedEvent(
        key=shorten_or_hash(f"{name}:{account}:{natural_key}:{digest}", MAX_ID_LENGTH),
        kind=IGNORED_KIND,
        vendor_event=name,
        payload={"entry": entry, "change": change},
        platform_user_id=account,
    )
