"""Meta's changes one by one, from whatever shape they come in. Pure; judges no signature.

Source: Meta, webhooks reference `instagram`, its examples and captured traffic, read 2026-11-22;
the documentation and what is really sent differ, so both are read.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any

from platforms.base import IGNORED, Notice
from platforms.bodies import MAX_ID, MAX_NAME, fit, text

Value = Mapping[str, Any]


def commented(value: Value) -> str:
    return text(value.get("id") or value.get("comment_id")) or ""


def mentioned(value: Value) -> str:
    return f"{text(value.get('media_id')) or ''}:{text(value.get('comment_id')) or ''}"


def of_media(value: Value) -> str:
    return text(value.get("media_id")) or ""


def written(value: Value) -> str:
    message = value.get("message")
    return text(message.get("mid")) or "" if isinstance(message, Mapping) else ""


def unnamed(_value: Value) -> str:
    return ""


NATURAL: Mapping[str, Callable[[Value], str]] = {
    "comments": commented,
    "live_comments": commented,
    "mentions": mentioned,
    "story_insights": of_media,
    "messages": written,
}
"""What tells two changes of a field apart; of any other field its whole value does."""


def changes(root: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each entry, without its changes, and each change as `{field, value}`."""
    for envelope in root if isinstance(root, list) else [root]:
        if not isinstance(envelope, dict):
            continue
        entries = envelope.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                about = {name: entry[name] for name in ("id", "time") if name in entry}
                yield from ((about, change) for change in of_entry(entry))


def of_entry(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """`changes`, a single change in the entry itself, names without values, or messages."""
    listed = [each for each in several(entry, "changes") if isinstance(each, dict)]
    for change in [*listed, entry]:
        if isinstance(change.get("field"), str):
            yield {"field": change["field"], "value": change.get("value")}
    for name in several(entry, "changed_fields"):
        if isinstance(name, str):
            yield {"field": name, "value": None}
    for message in several(entry, "messaging"):
        yield {"field": "messages", "value": message}


def several(entry: Mapping[str, Any], name: str) -> list[Any]:
    found = entry.get(name)
    return found if isinstance(found, list) else []


def notice(entry: Mapping[str, Any], change: Mapping[str, Any]) -> Notice:
    """Its key never holds the entry's time: that is when Meta sent it, anew at every delivery.

    Nothing follows from it yet, so all are kept and ignored; the dashboard's tests (account 0) are
    among them.
    """
    field, value, account = change["field"], change.get("value"), text(entry.get("id"))
    natural = NATURAL.get(field, unnamed)(value) if isinstance(value, Mapping) else ""
    digest = sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return Notice(
        key=fit(f"{fit(field, MAX_NAME)}:{account}:{natural}:{digest}", MAX_ID),
        kind=IGNORED,
        vendor_event=fit(field, MAX_NAME),
        payload={"entry": entry, "change": change},
        account=account,
    )
