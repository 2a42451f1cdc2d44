"""Finds the changes in Meta's deliveries, whichever of their shapes they have.

Every entry has at least one change.

Source: Meta, webhooks reference `instagram`, its examples and captured traffic, read 2026-11-22.
The documentation and the real deliveries differ, so both shapes are read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from platforms.instagram.message_changes import message_field
from platforms.vendor_values import flatten_once, read_list, read_object

UNKNOWN_FIELD = "unknown"
"""The field of an event whose entry, or change, has none of the known forms."""

MESSAGE_LIST, STANDBY_LIST = "messaging", "standby"
"""Lists of messages in an entry. `standby`: another app answers."""

ENTRY_KEYS = ("id", "time")
PLAIN_KEYS = frozenset({*ENTRY_KEYS, "changes", "changed_fields", "field", "value"})
"""Keys of an entry that are nothing else."""

Change = dict[str, Any]
"""`{"field": …, "value": …}`"""


def iter_changes(root: Any) -> Iterator[tuple[dict[str, Any], list[Change]]]:
    """Yield the id and time of each entry, and its changes.

    Every entry gives at least one change, and so does everything else in a delivery that has
    entries: Meta does not deliver again what was answered with 200. A body without any entry gives
    nothing.
    """
    envelopes = read_list(root)
    entries_of = [list_entries(envelope) for envelope in envelopes]
    if not any(entries_of):
        return
    for envelope, entries in zip(envelopes, entries_of, strict=True):
        if not entries:
            yield {}, [{"field": UNKNOWN_FIELD, "value": envelope}]
        for entry in entries:
            fields = read_object(entry)
            if fields is None:
                yield {}, [{"field": UNKNOWN_FIELD, "value": entry}]
                continue
            entry_info = {name: fields[name] for name in ENTRY_KEYS if name in fields}
            yield entry_info, list_entry_changes(fields)


def list_entries(envelope: Any) -> list[Any]:
    fields = read_object(envelope)
    return [] if fields is None else flatten_list(read_list(fields.get("entry")))


def flatten_list(items: list[Any]) -> list[Any]:
    """Return the items, those of lists among them by themselves."""
    return list(flatten_once(items)) if any(isinstance(item, list) for item in items) else items


def list_entry_changes(entry: Mapping[str, Any]) -> list[Change]:
    """Return the changes of an entry, at least one.

    They come as `changes`, as a single change in the entry itself, as names without values
    (`changed_fields`) or as `messaging` and `standby`. Lists and objects under other names are
    kept under these names.
    """
    changes = [as_change(change) for change in flatten_list(read_list(entry.get("changes")))]
    if isinstance(entry.get("field"), str):
        changes.append({"field": entry["field"], "value": entry.get("value")})
    changes += [
        {"field": name if isinstance(name, str) else UNKNOWN_FIELD, "value": None}
        for name in read_list(entry.get("changed_fields"))
    ]
    for key, value in entry.items():
        if key == MESSAGE_LIST:
            changes += [{"field": message_field(item), "value": item} for item in read_list(value)]
        elif key == STANDBY_LIST or (key not in PLAIN_KEYS and isinstance(value, list | dict)):
            field = key or UNKNOWN_FIELD
            changes += [{"field": field, "value": item} for item in read_list(value)]
    if changes:
        return changes
    rest = {key: value for key, value in entry.items() if key not in ENTRY_KEYS}
    return [{"field": UNKNOWN_FIELD, "value": rest}]


def as_change(item: Any) -> Change:
    """Return an item of `changes` as it is, or as the value of an unknown field."""
    change = read_object(item)
    if change is None or not isinstance(change.get("field"), str):
        return {"field": UNKNOWN_FIELD, "value": item}
    return {"field": change["field"], "value": change.get("value")}
