"""The events of a post's timeline as labels and notes in the reader's language."""

from typing import Any

from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.pages.badges import POST_BADGES
from db.posts.timeline import PostEvent

EVENT_LABELS = {
    "request": gettext_noop("Requested"),
    "rejected": gettext_noop("Refused"),
    "found": gettext_noop("Found at TikTok"),
    "resumed": gettext_noop("Resumed"),
    "started": gettext_noop("TikTok accepted the start"),
    "restart": gettext_noop("Started again"),
    "poll": gettext_noop("Status from TikTok"),
    "webhook": gettext_noop("Webhook from TikTok"),
    "send": gettext_noop("TikTok answered"),
    "held": gettext_noop("On hold"),
    "released": gettext_noop("Released"),
    "cancel": gettext_noop("Cancelled"),
    "contradiction": gettext_noop("TikTok contradicted itself"),
}
CURRENT_STATE_TEXT = gettext_noop("Now: %(state)s")
NOTE_TEXTS = {
    "start": gettext_noop("the start is being sent"),
    "not started": gettext_noop("not started"),
    "the answer to the start was lost": gettext_noop("the answer to the start was lost"),
    "a webhook named it": gettext_noop("identified by a webhook from TikTok"),
    "the platform fetches the file": gettext_noop("TikTok fetches the file"),
    "stale": gettext_noop("no news from TikTok for a day"),
    "the platform has nothing of it": gettext_noop("TikTok has no such post"),
    "all bytes sent": gettext_noop("all bytes sent"),
    "confirmed by the platform": gettext_noop("confirmed by TikTok"),
    "asked again": gettext_noop("requested again"),
    "the account is connected again": gettext_noop("the account is connected again"),
    "needs_reconnect": gettext_noop("the account has to be connected again"),
    "disconnected": gettext_noop("the account was disconnected"),
    "PROCESSING_UPLOAD": gettext_noop("it is being processed"),
    "PROCESSING_DOWNLOAD": gettext_noop("the file is being fetched"),
    "SEND_TO_USER_INBOX": gettext_noop("it is in your inbox"),
    "PUBLISH_COMPLETE": gettext_noop("it is published"),
    "FAILED": gettext_noop("it failed"),
}
"""Texts for the notes that core and TikTok give to events; other notes are shown as they are."""


def event_fields(event: PostEvent) -> dict[str, Any]:
    """Return label, note and time of an event; `code` is the note as it is stored."""
    return {
        "label": event_label(event),
        "note": event_note(event.note),
        "code": event.note,
        "at": event.at,
    }


def event_label(event: PostEvent) -> str:
    if event.kind == "state":
        badge = POST_BADGES.get(event.after or "")
        return translate_text(
            CURRENT_STATE_TEXT, state=translate_text(badge.label).lower() if badge else event.after
        )
    return (
        translate_text(EVENT_LABELS[event.kind])
        if event.kind in EVENT_LABELS
        else event.kind.capitalize()
    )


def event_note(text: str | None) -> str | None:
    if text is None:
        return None
    if text in NOTE_TEXTS:
        return translate_text(NOTE_TEXTS[text])
    message = find_message(text, current_locale())
    return message.message if message else text
