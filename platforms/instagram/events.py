"""Meta's changes one by one, from whatever shape they come in. Pure; judges no signature.

Source: Meta, webhooks reference `instagram`, its examples and captured traffic, read 2026-11-22;
the documentation and what is really sent differ, so both are read.
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
"""What tells two changes of a field apart; of any other field its whole value does."""


def iter_changes(root: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each entry, without its changes, and each change as `{field, value}`."""
    for envelope in root if isinstance(root, list) else [root]:
        if not isinstance(envelope, dict):
            continue
        entries = envelope.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                entry_info = {name: entry[name] for name in ("id", "time") if name in entry}
                yield from ((entry_info, change) for change in iter_entry_changes(entry))


def iter_entry_changes(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """`changes`, a single change in the entry itself, names without values, or messages."""
    listed = [each for each in get_list(entry, "changes") if isinstance(each, dict)]
    for change in [*listed, entry]:
        if isinstance(change.get("field"), str):
            yield {"field": change["field"], "value": change.get("value")}
    for name in get_list(entry, "changed_fields"):
        if isinstance(name, str):
            yield {"field": name, "value": None}
    for message in get_list(entry, "messaging"):
        yield {"field": "messages", "value": message}


def get_list(entry: Mapping[str, Any], name: str) -> list[Any]:
    found = entry.get(name)
    return found if isinstance(found, list) else []


def parse_change(entry: Mapping[str, Any], change: Mapping[str, Any]) -> ParsedEvent:
    """Its key never holds the entry's time: that is when Meta sent it, anew at every delivery.

    Nothing follows from it yet, so all are kept and ignored; the dashboard's tests (account 0) are
    among them.
    """
    field, value, account = change["field"], change.get("value"), to_text(entry.get("id"))
    natural = NATURAL_KEYS.get(field, no_key)(value) if isinstance(value, Mapping) else ""
    digest = sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return ParsedEvent(
        key=shorten_or_hash(
            f"{shorten_or_hash(field, MAX_NAME_LENGTH)}:{account}:{natural}:{digest}", MAX_ID_LENGTH
        ),
        kind=IGNORED_KIND,
        vendor_event=shorten_or_hash(field, MAX_NAME_LENGTH),
        payload={"entry": entry, "change": change},
        external_id=account,
    )
