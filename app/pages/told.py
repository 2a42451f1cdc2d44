"""A post in sentences for its creator: where it stands, why, and what can be done. Pure."""

from collections.abc import Mapping
from typing import Any

from app.words import words
from core.ledger.settle import FINAL, State
from core.posts import Seen
from db.posts import Post, SentBy
from db.timeline import PostEvent
from platforms.base import Reason

SENTENCES = {
    State.QUEUED: "It is stored and will be sent by itself.",
    State.SENDING: "The file is on its way to TikTok.",
    State.PROCESSING: "TikTok has everything and works on it. This may take some minutes.",
    State.UNCONFIRMED: "An answer of TikTok got lost. We are asking, and send nothing again.",
    State.PUBLISHED: "It is on TikTok.",
    State.FAILED: "It was not posted.",
    State.CANCELLED: "It was cancelled and not posted.",
}
IN_INBOX = "It is in your TikTok inbox. Open the TikTok app to finish the post."
HELD = {
    "needs_reconnect": "It waits until the account is connected again.",
    "disconnected": "It waits until the account is connected again.",
    "wait_for_release": "It waits for your word: it was asked for more than a day ago.",
}
HAPPENED = {
    "request": "Asked for",
    "rejected": "Refused",
    "found": "Found at TikTok",
    "resumed": "Goes on",
    "started": "TikTok accepted the start",
    "restart": "Started anew",
    "poll": "TikTok said",
    "webhook": "TikTok told us",
    "send": "TikTok answered",
    "state": "Now",
    "held": "Held back",
    "released": "Let go",
    "cancel": "Cancelled",
    "contradiction": "TikTok contradicted itself",
}
RISK = "TikTok may still publish the first one: then it is there twice."


def told(seen: Seen, reasons: Mapping[str, Reason]) -> dict[str, Any]:
    """What a page shows of a post; `reasons` are the platform's sentences by code."""
    post = seen.post
    return {
        "id": post.id,
        "title": post.title,
        "kind": post.kind,
        "state": post.state,
        "final": post.state in FINAL,
        "sentence": sentence(post),
        "cause": cause(post, reasons),
        "progress": progress(post),
        "facts": facts(post),
        "events": [event(line) for line in seen.events],
        "actions": actions(post),
        "created_at": post.created_at,
        "publish_at": post.publish_at,
        "finished_at": post.finished_at,
    }


def sentence(post: Post) -> str:
    if post.hold_reason is not None:
        return HELD.get(post.hold_reason, "It is held back.")
    if post.state == State.PUBLISHED and post.kind.startswith("INBOX"):
        return IN_INBOX
    return SENTENCES[State(post.state)]


def cause(post: Post, reasons: Mapping[str, Reason]) -> str | None:
    """Why it ended badly: the platform's sentence, or ours for a code of our own."""
    if post.error_code is None or post.state != State.FAILED:
        return None
    if post.error_code in reasons:
        return reasons[post.error_code].sentence
    says = words(post.error_code, "en")
    return f"{says.says} {says.next}"


def progress(post: Post) -> dict[str, int] | None:
    is_ours = post.sent_by == SentBy.SIGNALPOST and post.bytes_total
    if not is_ours or post.state != State.SENDING:
        return None
    return {"sent": post.bytes_sent, "total": int(post.bytes_total or 0)}


def facts(post: Post) -> list[tuple[str, str]]:
    known = (
        ("TikTok's id of the upload", post.publish_id),
        ("TikTok's id of the post", post.platform_post_id),
        ("Retry of", post.retry_of and f"post {post.retry_of}"),
    )
    return [(name, str(value)) for name, value in known if value]


def event(line: PostEvent) -> dict[str, Any]:
    what = HAPPENED.get(line.kind, line.kind.capitalize())
    into = f" {line.after.lower()}" if line.after and line.kind == "state" else ""
    return {"what": what + into, "note": line.note, "at": line.at}


def actions(post: Post) -> list[dict[str, Any]]:
    """The buttons that make sense now; whether one still works is decided when it is pressed."""
    if post.hold_reason is not None:
        return [button("release", "Send it now"), button("cancel", "Cancel", look="danger")]
    if post.state in {State.QUEUED, State.SENDING} or (
        post.state == State.PROCESSING and post.sent_by == SentBy.PLATFORM
    ):
        return [button("cancel", "Cancel", look="danger")]
    if post.state in {State.FAILED, State.CANCELLED}:
        return [button("retry", "Try again")]
    if post.state == State.UNCONFIRMED:
        return [button("retry", "Send it again all the same", look="danger", warning=RISK)]
    return []


def button(name: str, label: str, *, look: str = "", warning: str | None = None) -> dict[str, Any]:
    return {"name": name, "label": label, "look": look, "warning": warning}
