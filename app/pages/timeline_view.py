"""Lines of a post's timeline in words: who said what, and what it meant. Decides nothing."""

from typing import Any

from app.http.i18n import current_locale, gettext_noop, translate
from app.http.messages import find_message
from app.pages.badges import POST_BADGES
from db.posts.timeline import PostEvent

EVENT_LABELS = {
    "request": gettext_noop("Asked for"),
    "rejected": gettext_noop("Refused"),
    "found": gettext_noop("Found at TikTok"),
    "resumed": gettext_noop("Goes on"),
    "started": gettext_noop("TikTok accepted the start"),
    "restart": gettext_noop("Started anew"),
    "poll": gettext_noop("TikTok said"),
    "webhook": gettext_noop("TikTok told us"),
    "send": gettext_noop("TikTok answered"),
    "held": gettext_noop("Held back"),
    "released": gettext_noop("Let go"),
    "cancel": gettext_noop("Cancelled"),
    "contradiction": gettext_noop("TikTok contradicted itself"),
}
CURRENT_STATE_TEXT = gettext_noop("Now: %(state)s")
NOTE_TEXTS = {
    "start": gettext_noop("the start is on its way"),
    "not started": gettext_noop("not started"),
    "the answer to the start was lost": gettext_noop("the answer to the start was lost"),
    "a webhook named it": gettext_noop("a notice of TikTok named it"),
    "the platform fetches the file": gettext_noop("TikTok fetches the file"),
    "stale": gettext_noop("nothing was heard for a day"),
    "the platform has nothing of it": gettext_noop("TikTok has nothing of it"),
    "all bytes sent": gettext_noop("all bytes sent"),
    "confirmed by the platform": gettext_noop("confirmed by TikTok"),
    "asked again": gettext_noop("asked again"),
    "the account is connected again": gettext_noop("the account is connected again"),
    "needs_reconnect": gettext_noop("the account has to be connected again"),
    "disconnected": gettext_noop("the account was disconnected"),
    "PROCESSING_UPLOAD": gettext_noop("it is being processed"),
    "PROCESSING_DOWNLOAD": gettext_noop("the file is being fetched"),
    "SEND_TO_USER_INBOX": gettext_noop("it is in your inbox"),
    "PUBLISH_COMPLETE": gettext_noop("it is published"),
    "FAILED": gettext_noop("it failed"),
}
"""What core and TikTok write beside a line; anything else is shown as it is."""


def event_fields(entry: PostEvent) -> dict[str, Any]:
    """`code` is what stands in the record, where the words are ours."""
    return {
        "what": event_label(entry),
        "note": event_note(entry.note),
        "code": entry.note,
        "at": entry.at,
    }


def event_label(entry: PostEvent) -> str:
    if entry.kind == "state":
        badge = POST_BADGES.get(entry.after or "")
        return translate(
            CURRENT_STATE_TEXT, state=translate(badge.label).lower() if badge else entry.after
        )
    return (
        translate(EVENT_LABELS[entry.kind])
        if entry.kind in EVENT_LABELS
        else entry.kind.capitalize()
    )


def event_note(text: str | None) -> str | None:
    if text is None:
        return None
    if text in NOTE_TEXTS:
        return translate(NOTE_TEXTS[text])
    message = find_message(text, current_locale())
    return message.message if message else text
