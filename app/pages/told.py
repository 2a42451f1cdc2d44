"""A post in sentences for its creator: where it stands, why, and what can be done.

In the reader's language; decides nothing, and whether a button still works is seen when pressed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.language import later, locale, say
from app.pages.happened import event
from app.pages.looks import in_inbox
from app.pages.steps import steps
from app.words import known
from core import posts
from core.ledger.settle import FINAL, State
from core.posts import Seen
from db.posts import Post, SentBy
from platforms.base import Reason

SENTENCES = {
    State.QUEUED: later("It is stored and will be sent by itself."),
    State.SENDING: later("The file is on its way to TikTok."),
    State.PROCESSING: later("TikTok has everything and works on it. This may take some minutes."),
    State.UNCONFIRMED: later(
        "An answer of TikTok got lost. We are asking, and send nothing again."
    ),
    State.PUBLISHED: later("It is on TikTok."),
    State.FAILED: later("It was not posted."),
    State.CANCELLED: later("It was cancelled and not posted."),
}
IN_INBOX = later("It is in your TikTok inbox. Open the TikTok app to finish the post.")
HELD = {
    "needs_reconnect": later("It waits until the account is connected again."),
    "disconnected": later("It waits until the account is connected again."),
    "wait_for_release": later("It waits for your word: it was asked for more than a day ago."),
}
HELD_BACK = later("It is held back.")
SCHEDULED = later("It is stored and will be sent at its time.")
RISK = later("TikTok may still publish the first one: then it is there twice.")
NOTHING_KNOWN = later("TikTok gives the reason “%(code)s”.")
KINDS = {
    "INBOX_VIDEO": later("Video, to the inbox"),
    "DIRECT_VIDEO": later("Video, posted directly"),
    "INBOX_PHOTO": later("Photos, to the inbox"),
    "DIRECT_PHOTO": later("Photos, posted directly"),
}
LIVELY, DRAFT, CALM = 2, 15, 30
"""Seconds until the page looks again: while it moves, while a draft waits, while it has time."""


def told(seen: Seen, reasons: Mapping[str, Reason], *, now: datetime) -> dict[str, Any]:
    """What a page shows of a post; `reasons` are the platform's sentences by code."""
    post = seen.post
    return {
        "id": post.id,
        "row": post,
        "title": post.title,
        "kind": say(KINDS[post.kind]) if post.kind in KINDS else post.kind,
        "next": pause(post, now),
        "sentence": say(sentence(post, now)),
        "cause": cause(post, reasons),
        "progress": progress(post, now),
        "steps": steps(post, seen.events),
        "facts": facts(post),
        "events": [event(line) for line in seen.events],
        "actions": actions(post),
        "retry_of": post.retry_of,
        "permalink": post.permalink,
        "created_at": post.created_at,
        "publish_at": post.publish_at,
        "finished_at": post.finished_at,
    }


def pause(post: Post, now: datetime) -> int | None:
    """None when nothing can change any more."""
    if in_inbox(post):
        return DRAFT
    if post.state in FINAL:
        return None
    return CALM if post.hold_reason or has_time(post, now) else LIVELY


def has_time(post: Post, now: datetime) -> bool:
    ahead = post.publish_at and (post.publish_at - now).total_seconds() > CALM
    return bool(ahead) and post.state == State.QUEUED


def sentence(post: Post, now: datetime) -> str:
    if post.hold_reason is not None:
        return HELD.get(post.hold_reason, HELD_BACK)
    if in_inbox(post):
        return IN_INBOX
    return SCHEDULED if has_time(post, now) else SENTENCES[State(post.state)]


def cause(post: Post, reasons: Mapping[str, Reason]) -> str | None:
    """Why it ended badly and what to do: our words for the code, or else the platform's own."""
    if post.error_code is None or post.state != State.FAILED:
        return None
    if said := known(post.error_code, locale()):
        return f"{said.says} {said.next}"
    reason = reasons.get(post.error_code)
    return reason.sentence if reason else say(NOTHING_KNOWN, code=post.error_code)


def progress(post: Post, now: datetime) -> dict[str, Any] | None:
    """Only of bytes that we move ourselves."""
    is_ours = post.sent_by == SentBy.SIGNALPOST and post.bytes_total
    if not is_ours or post.state != State.SENDING:
        return None
    return vars(posts.progress(post, now=now))


def facts(post: Post) -> list[tuple[str, str]]:
    known_facts = (
        (say("TikTok's id of the upload"), post.publish_id),
        (say("TikTok's id of the post"), post.platform_post_id),
    )
    return [(name, str(value)) for name, value in known_facts if value]


def actions(post: Post) -> list[dict[str, Any]]:
    """The buttons that make sense now."""
    if post.hold_reason is not None:
        return [button("release", say("Send it now")), cancel()]
    if post.state in {State.QUEUED, State.SENDING} or (
        post.state == State.PROCESSING and post.sent_by == SentBy.PLATFORM
    ):
        return [cancel()]
    if post.state in {State.FAILED, State.CANCELLED}:
        return [button("retry", say("Try again"))]
    if post.state == State.UNCONFIRMED:
        again = say("Send it again all the same")
        return [button("retry", again, look="danger", warning=say(RISK))]
    return []


def cancel() -> dict[str, Any]:
    return button("cancel", say("Cancel the post"), look="danger")


def button(name: str, label: str, *, look: str = "", warning: str | None = None) -> dict[str, Any]:
    return {"name": name, "label": label, "look": look, "warning": warning}
