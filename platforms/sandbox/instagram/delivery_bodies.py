"""The bodies of Meta's deliveries, in every form that was documented or captured.

Source: Meta, webhooks reference `instagram`, its examples and captured traffic, read 2026-11-22.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

Body = dict[str, Any] | list[Any]
MESSAGE_LISTS = ("messaging", "standby")
MILLISECONDS = 1_000


@dataclass(frozen=True)
class EntryChange:
    """One change. `field` is that of `changes`, or `messaging` or `standby` for messages."""

    account_id: str
    field: str
    value: Any


def build_body(changes: Sequence[EntryChange], shape: str, time: float) -> Body:
    """Return a body with one entry for neighbours of one account. Units: `time` in seconds."""
    return DELIVERY_SHAPES[shape](changes, int(time))


def encode_body(body: Body) -> bytes:
    r"""Return the bytes that are sent and signed: only ASCII, `\u00e9` in lower case, `\/`."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def group_entries(
    changes: Sequence[EntryChange],
) -> Iterator[tuple[str, str, list[EntryChange]]]:
    """Yield account, list name and changes of each entry; messages have an entry of their own."""

    def entry_key(change: EntryChange) -> tuple[str, str]:
        is_message = change.field in MESSAGE_LISTS
        return change.account_id, change.field if is_message else "changes"

    for (account_id, list_name), group in groupby(changes, entry_key):
        yield account_id, list_name, list(group)


def build_entry(account_id: str, list_name: str, group: list[EntryChange], time: int) -> Any:
    if list_name in MESSAGE_LISTS:
        items = [change.value for change in group]
        return {"id": account_id, "time": time * MILLISECONDS, list_name: items}
    changes = [{"field": change.field, "value": change.value} for change in group]
    return {"id": account_id, "time": time, "changes": changes}


def wrap_entries(entries: Sequence[Any]) -> dict[str, Any]:
    return {"object": "instagram", "entry": list(entries)}


def in_changes(changes: Sequence[EntryChange], time: int) -> Body:
    """The live form: `changes` in every entry."""
    return wrap_entries([build_entry(*group, time) for group in group_entries(changes)])


def in_flat_entries(changes: Sequence[EntryChange], time: int) -> Body:
    """The documented form of Instagram Login: `field` and `value` in the entry itself."""
    return wrap_entries(
        [
            {"id": each.account_id, "time": time, "field": each.field, "value": each.value}
            for each in changes
        ]
    )


def in_array(changes: Sequence[EntryChange], time: int) -> Body:
    """The form of the documentation's examples: the object in a list."""
    return [in_changes(changes, time)]


def with_comment_ids(changes: Sequence[EntryChange], time: int) -> Body:
    """The form of the Facebook Login sample: `comment_id` instead of `id`."""
    renamed = [EntryChange(each.account_id, each.field, rename_id(each.value)) for each in changes]
    return in_changes(renamed, time)


def rename_id(value: Any) -> Any:
    if not isinstance(value, Mapping) or "id" not in value:
        return value
    return {"comment_id" if name == "id" else name: item for name, item in value.items()}


def in_changed_fields(changes: Sequence[EntryChange], time: int) -> Body:
    """The form without values: only the names of the fields."""
    return wrap_entries(
        [
            {
                "id": account_id,
                "time": time,
                "changed_fields": list(dict.fromkeys(each.field for each in group)),
            }
            for account_id, _, group in group_entries(changes)
        ]
    )


def as_dashboard_test(changes: Sequence[EntryChange], time: int) -> Body:
    """The form of the dashboard's test button: account 0."""
    return in_changes([EntryChange("0", each.field, each.value) for each in changes], time)


DELIVERY_SHAPES: Mapping[str, Callable[[Sequence[EntryChange], int], Body]] = {
    "changes": in_changes,
    "flat": in_flat_entries,
    "array": in_array,
    "comment_id": with_comment_ids,
    "changed_fields": in_changed_fields,
    "test": as_dashboard_test,
}
