"""The events of a post's timeline as labels and notes in the reader's language."""

import re
from typing import Any

from app.http.i18n import current_locale, gettext_noop, translate_text
from app.http.messages import find_message
from app.pages.badges import POST_BADGES
from app.pages.brands import phase_label, platform_title
from db.posts.timeline import PostEvent

EVENT_LABELS = {
    "request": gettext_noop("Requested"),
    "rejected": gettext_noop("Refused"),
    "found": gettext_noop("Found at %(platform)s"),
    "resumed": gettext_noop("Resumed"),
    "started": gettext_noop("%(platform)s accepted the start"),
    "restart": gettext_noop("Started again"),
    "poll": gettext_noop("Status from %(platform)s"),
    "webhook": gettext_noop("Webhook from %(platform)s"),
    "send": gettext_noop("%(platform)s answered"),
    "moved": gettext_noop("Time changed"),
    "held": gettext_noop("On hold"),
    "released": gettext_noop("Released"),
    "cancel": gettext_noop("Cancelled"),
    "step": gettext_noop("Next step"),
    "discarded": gettext_noop("Made again"),
    "contradiction": gettext_noop("%(platform)s contradicted itself"),
}
CURRENT_STATE_TEXT = gettext_noop("Now: %(state)s")
NOTE_TEXTS = {
    "start": gettext_noop("the start is being sent"),
    "found": gettext_noop("found again at %(platform)s"),
    "not started": gettext_noop("not started"),
    "the answer to the start was lost": gettext_noop("the answer to the start was lost"),
    "a webhook named it": gettext_noop("identified by a webhook from %(platform)s"),
    "the platform fetches the file": gettext_noop("%(platform)s fetches the file"),
    "stale": gettext_noop("no news from %(platform)s for a day"),
    "the platform has nothing of it": gettext_noop("%(platform)s has no such post"),
    "all bytes sent": gettext_noop("all bytes sent"),
    "confirmed by the platform": gettext_noop("confirmed by %(platform)s"),
    "asked again": gettext_noop("requested again"),
    "the account is connected again": gettext_noop("the account is connected again"),
    "needs_reconnect": gettext_noop("the account has to be connected again"),
    "disconnected": gettext_noop("the account was disconnected"),
}
"""Texts for the notes of core; those of a platform's steps and statuses are in its form."""

ITEM_NOTE = re.compile(r"item (\d+): (.+)", re.DOTALL)
ITEM_TEXT = gettext_noop("Item %(number)d")
LOST_ANSWER_NOTE = re.compile(
    r"(?:the answer to (?=\w+ was lost)|no answer to )(\w+)(?: was lost|: .*)"
)
LOST_ANSWER_TEXT = gettext_noop("no answer of %(platform)s to: %(step)s")


def event_fields(event: PostEvent, provider: str) -> dict[str, Any]:
    """Return label, note and time of an event; `code` is the note as it is stored."""
    return {
        "label": event_label(event, provider),
        "note": event_note(event.note, provider),
        "code": event.note,
        "at": event.at,
    }


def event_label(event: PostEvent, provider: str) -> str:
    if event.kind == "state":
        badge = POST_BADGES.get(event.after or "")
        return translate_text(
            CURRENT_STATE_TEXT, state=translate_text(badge.label).lower() if badge else event.after
        )
    return (
        translate_text(EVENT_LABELS[event.kind], platform=platform_title(provider))
        if event.kind in EVENT_LABELS
        else event.kind.capitalize()
    )


def event_note(text: str | None, provider: str) -> str | None:
    if text is None:
        return None
    if item := ITEM_NOTE.fullmatch(text):
        return f"{translate_text(ITEM_TEXT, number=int(item[1]))}: {event_note(item[2], provider)}"
    if lost := LOST_ANSWER_NOTE.fullmatch(text):
        step = phase_label(provider, lost[1]) or lost[1]
        return translate_text(LOST_ANSWER_TEXT, platform=platform_title(provider), step=step)
    if phase := phase_label(provider, text):
        return phase
    if text in NOTE_TEXTS:
        return translate_text(NOTE_TEXTS[text], platform=platform_title(provider))
    message = find_message(text, current_locale())
    return message.message if message else text
