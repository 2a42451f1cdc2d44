"""A post in sentences for its creator: where it stands, why, and what can be done.

In the reader's language; decides nothing, and whether a button still works is seen when pressed.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.http.i18n import current_locale, gettext_noop, translate
from app.http.messages import find_message
from app.pages.badges import is_in_inbox
from app.pages.progress_view import progress_steps
from app.pages.timeline_view import event_fields
from core import publishing
from core.post_state.settle import FINAL_STATES, PostState
from core.publishing import PostView
from db.posts.posts import Post, SentBy
from platforms.base import FailureReason

STATE_SENTENCES = {
    PostState.QUEUED: gettext_noop("It is stored and will be sent by itself."),
    PostState.SENDING: gettext_noop("The file is on its way to TikTok."),
    PostState.PROCESSING: gettext_noop(
        "TikTok has everything and works on it. This may take some minutes."
    ),
    PostState.UNCONFIRMED: gettext_noop(
        "An answer of TikTok got lost. We are asking, and send nothing again."
    ),
    PostState.PUBLISHED: gettext_noop("It is on TikTok."),
    PostState.FAILED: gettext_noop("It was not posted."),
    PostState.CANCELLED: gettext_noop("It was cancelled and not posted."),
}
IN_INBOX_SENTENCE = gettext_noop(
    "It is in your TikTok inbox. Open the TikTok app to finish the post."
)
HOLD_SENTENCES = {
    "needs_reconnect": gettext_noop("It waits until the account is connected again."),
    "disconnected": gettext_noop("It waits until the account is connected again."),
    "wait_for_release": gettext_noop(
        "It waits for your word: it was asked for more than a day ago."
    ),
}
OTHER_HOLD_SENTENCE = gettext_noop("It is held back.")
SCHEDULED_SENTENCE = gettext_noop("It is stored and will be sent at its time.")
DUPLICATE_WARNING = gettext_noop("TikTok may still publish the first one: then it is there twice.")
UNKNOWN_REASON_TEXT = gettext_noop("TikTok gives the reason “%(code)s”.")
KIND_LABELS = {
    "INBOX_VIDEO": gettext_noop("Video, to the inbox"),
    "DIRECT_VIDEO": gettext_noop("Video, posted directly"),
    "INBOX_PHOTO": gettext_noop("Photos, to the inbox"),
    "DIRECT_PHOTO": gettext_noop("Photos, posted directly"),
}
ACTIVE_REFRESH_SECONDS, DRAFT_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = 2, 15, 30
"""Seconds until the page looks again: while it moves, while a draft waits, while it has time."""


def describe_post(
    view: PostView, reasons: Mapping[str, FailureReason], *, now: datetime
) -> dict[str, Any]:
    """What a page shows of a post; `reasons` are the platform's sentences by code."""
    post = view.post
    return {
        "id": post.id,
        "row": post,
        "title": post.title,
        "kind": translate(KIND_LABELS[post.kind]) if post.kind in KIND_LABELS else post.kind,
        "next": refresh_seconds(post, now),
        "sentence": translate(state_sentence(post, now)),
        "cause": failure_text(post, reasons),
        "progress": upload_progress(post, now),
        "steps": progress_steps(post, view.events),
        "facts": platform_ids(post),
        "events": [event_fields(entry) for entry in view.events],
        "actions": available_actions(post),
        "retry_of": post.retry_of,
        "permalink": post.permalink,
        "created_at": post.created_at,
        "publish_at": post.publish_at,
        "finished_at": post.finished_at,
    }


def refresh_seconds(post: Post, now: datetime) -> int | None:
    """None when nothing can change any more."""
    if is_in_inbox(post):
        return DRAFT_REFRESH_SECONDS
    if post.state in FINAL_STATES:
        return None
    return (
        IDLE_REFRESH_SECONDS
        if post.hold_reason or is_scheduled(post, now)
        else ACTIVE_REFRESH_SECONDS
    )


def is_scheduled(post: Post, now: datetime) -> bool:
    is_ahead = post.publish_at and (post.publish_at - now).total_seconds() > IDLE_REFRESH_SECONDS
    return bool(is_ahead) and post.state == PostState.QUEUED


def state_sentence(post: Post, now: datetime) -> str:
    if post.hold_reason is not None:
        return HOLD_SENTENCES.get(post.hold_reason, OTHER_HOLD_SENTENCE)
    if is_in_inbox(post):
        return IN_INBOX_SENTENCE
    return SCHEDULED_SENTENCE if is_scheduled(post, now) else STATE_SENTENCES[PostState(post.state)]


def failure_text(post: Post, reasons: Mapping[str, FailureReason]) -> str | None:
    """Why it ended badly and what to do: our words for the code, or else the platform's own."""
    if post.error_code is None or post.state != PostState.FAILED:
        return None
    if message := find_message(post.error_code, current_locale()):
        return f"{message.message} {message.suggestion}"
    reason = reasons.get(post.error_code)
    return reason.sentence if reason else translate(UNKNOWN_REASON_TEXT, code=post.error_code)


def upload_progress(post: Post, now: datetime) -> dict[str, Any] | None:
    """Only of bytes that we move ourselves."""
    is_ours = post.sent_by == SentBy.SIGNALPOST and post.bytes_total
    if not is_ours or post.state != PostState.SENDING:
        return None
    return vars(publishing.upload_progress(post, now=now))


def platform_ids(post: Post) -> list[tuple[str, str]]:
    rows = (
        (translate("TikTok's id of the upload"), post.publish_id),
        (translate("TikTok's id of the post"), post.platform_post_id),
    )
    return [(name, str(value)) for name, value in rows if value]


def available_actions(post: Post) -> list[dict[str, Any]]:
    """The buttons that make sense now."""
    if post.hold_reason is not None:
        return [action_button("release", translate("Send it now")), cancel_button()]
    if post.state in {PostState.QUEUED, PostState.SENDING} or (
        post.state == PostState.PROCESSING and post.sent_by == SentBy.PLATFORM
    ):
        return [cancel_button()]
    if post.state in {PostState.FAILED, PostState.CANCELLED}:
        return [action_button("retry", translate("Try again"))]
    if post.state == PostState.UNCONFIRMED:
        label = translate("Send it again all the same")
        return [action_button("retry", label, style="danger", warning=translate(DUPLICATE_WARNING))]
    return []


def cancel_button() -> dict[str, Any]:
    return action_button("cancel", translate("Cancel the post"), style="danger")


def action_button(
    name: str, label: str, *, style: str = "", warning: str | None = None
) -> dict[str, Any]:
    return {"name": name, "label": label, "look": style, "warning": warning}
