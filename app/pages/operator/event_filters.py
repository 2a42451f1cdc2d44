"""The filters of webhook events, in addresses and in the form that replays what they select."""

from typing import Any, NamedTuple

from flask import request
from werkzeug.datastructures import MultiDict

from app.http.i18n import gettext_noop, translate_text
from app.pages.brands import platform_title
from app.pages.operator.event_texts import EVENT_BADGES
from app.pages.operator.query_values import list_set_values, read_day, read_text
from db.webhooks.events import EVENT_STATUSES, EventFilter
from platforms.registry import PLATFORMS

MAX_SELECTED_EVENTS = 1000
MAX_ID_DIGITS = 18
FILTER_LABELS = {
    "status": gettext_noop("State"),
    "provider": gettext_noop("Platform"),
    "type": gettext_noop("Type"),
    "late": gettext_noop("Late"),
    "publish": gettext_noop("Publication id"),
    "account": gettext_noop("Account id"),
    "error": gettext_noop("Error contains"),
    "code": gettext_noop("Error code"),
    "from": gettext_noop("From"),
    "to": gettext_noop("To"),
}
LATE_VALUES = {"yes": True, "no": False}
LATE_LABELS = {"yes": gettext_noop("Yes"), "no": gettext_noop("No")}


class EventSelection(NamedTuple):
    """A filter with its values as they stand in an address."""

    event_filter: EventFilter
    values: dict[str, Any]

    @property
    def is_bounded(self) -> bool:
        """Whether it may be replayed: never simply everything that is stored."""
        chosen = self.event_filter
        return chosen.ids is not None or chosen.since is not None or chosen.status == "dead"

    def describe(self) -> list[tuple[str, str]]:
        """The filters that are set, with their labels."""
        return [
            (translate_text(FILTER_LABELS[name]), describe_value(name, value))
            for name, value in self.values.items()
        ]


def read_selection(source: MultiDict[str, str] | None = None) -> EventSelection:
    """Read the filters from the address, or from a form. An unknown state selects nothing."""
    values: MultiDict[str, str] = request.args if source is None else source
    ids = read_ids(values)
    event_filter = EventFilter(
        ids=ids,
        status=read_status(values),
        provider=read_text("provider", values),
        kind=read_text("type", values),
        late=LATE_VALUES.get(values.get("late", "")),
        publish_id=read_text("publish", values),
        account=read_text("account", values),
        error_text=read_text("error", values),
        code=read_text("code", values),
        since=read_day("from", values),
        until=read_day("to", values, is_end=True),
    )
    return EventSelection(event_filter, list_set_values(FILTER_LABELS, values))


def read_status(values: MultiDict[str, str]) -> str | None:
    status = values.get("status", "")
    return status if status in EVENT_STATUSES else None


def describe_value(name: str, value: str) -> str:
    """The words for a value that the form offers; any other value as it was typed."""
    if name == "status" and value in EVENT_BADGES:
        return translate_text(EVENT_BADGES[value].label)
    if name == "provider" and value in PLATFORMS:
        return platform_title(value)
    if name == "late" and value in LATE_VALUES:
        return translate_text(LATE_LABELS[value])
    return value


def read_ids(values: MultiDict[str, str]) -> list[int] | None:
    """Return the chosen events; None if none are named."""
    texts = values.getlist("ids")[:MAX_SELECTED_EVENTS]
    ids = [
        int(text)
        for text in texts
        if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS
    ]
    return ids or None


def form_fields(selection: EventSelection) -> list[tuple[str, Any]]:
    """The selection as hidden fields of a form."""
    ids = [("ids", event_id) for event_id in selection.event_filter.ids or ()]
    return [*ids, *selection.values.items()]
