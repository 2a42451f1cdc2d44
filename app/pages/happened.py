"""Lines of a post's timeline in words: who said what, and what it meant. Decides nothing."""

from typing import Any

from app.language import later, locale, say
from app.pages.looks import POSTS
from app.words import known
from db.timeline import PostEvent

HAPPENED = {
    "request": later("Asked for"),
    "rejected": later("Refused"),
    "found": later("Found at TikTok"),
    "resumed": later("Goes on"),
    "started": later("TikTok accepted the start"),
    "restart": later("Started anew"),
    "poll": later("TikTok said"),
    "webhook": later("TikTok told us"),
    "send": later("TikTok answered"),
    "held": later("Held back"),
    "released": later("Let go"),
    "cancel": later("Cancelled"),
    "contradiction": later("TikTok contradicted itself"),
}
NOW = later("Now: %(state)s")
NOTES = {
    "start": later("the start is on its way"),
    "not started": later("not started"),
    "the answer to the start was lost": later("the answer to the start was lost"),
    "a webhook named it": later("a notice of TikTok named it"),
    "the platform fetches the file": later("TikTok fetches the file"),
    "stale": later("nothing was heard for a day"),
    "the platform has nothing of it": later("TikTok has nothing of it"),
    "all bytes sent": later("all bytes sent"),
    "confirmed by the platform": later("confirmed by TikTok"),
    "asked again": later("asked again"),
    "the account is connected again": later("the account is connected again"),
    "needs_reconnect": later("the account has to be connected again"),
    "disconnected": later("the account was disconnected"),
    "PROCESSING_UPLOAD": later("it is being processed"),
    "PROCESSING_DOWNLOAD": later("the file is being fetched"),
    "SEND_TO_USER_INBOX": later("it is in your inbox"),
    "PUBLISH_COMPLETE": later("it is published"),
    "FAILED": later("it failed"),
}
"""What core and TikTok write beside a line; anything else is shown as it is."""


def event(line: PostEvent) -> dict[str, Any]:
    """`code` is what stands in the record, where the words are ours."""
    return {"what": what(line), "note": note(line.note), "code": line.note, "at": line.at}


def what(line: PostEvent) -> str:
    if line.kind == "state":
        look = POSTS.get(line.after or "")
        return say(NOW, state=say(look.word).lower() if look else line.after)
    return say(HAPPENED[line.kind]) if line.kind in HAPPENED else line.kind.capitalize()


def note(text: str | None) -> str | None:
    if text is None:
        return None
    if text in NOTES:
        return say(NOTES[text])
    said = known(text, locale())
    return said.says if said else text
