"""A post as its page shows it: verdict, progress, items, timeline and the possible actions.

All texts are in the reader's language.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import is_delivered_draft
from app.pages.brands import draft_sentence, kind_label, phase_label, platform_title
from app.pages.failure_texts import describe_failure
from app.pages.post_actions import list_actions
from app.pages.post_answers import find_answers
from app.pages.post_items import item_fields
from app.pages.progress_view import progress_steps
from app.pages.template_helpers import distance_html
from app.pages.timeline_view import timeline_entries
from core import publishing
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import LAST_STEP
from core.publishing import PostHistory, PostView
from db.posts.posts import Post, SentBy
from platforms.base import FailureReason
from platforms.registry import PLATFORMS

STATE_SENTENCES = {
    PostState.QUEUED: gettext_noop("It is stored and will be sent automatically."),
    PostState.SENDING: gettext_noop("The file is on its way to %(platform)s."),
    PostState.PROCESSING: gettext_noop(
        "%(platform)s has received it and is processing it. This may take a few minutes."
    ),
    PostState.UNCONFIRMED: gettext_noop(
        "The answer of %(platform)s was lost. What happened is being checked, and nothing is sent"
        " again."
    ),
    PostState.PUBLISHED: gettext_noop("It is on %(platform)s."),
    PostState.FAILED: gettext_noop("It was not posted."),
    PostState.CANCELLED: gettext_noop("It was cancelled and not posted."),
}
HOLD_SENTENCES = {
    "needs_reconnect": gettext_noop("It waits until the account is connected again."),
    "disconnected": gettext_noop("It waits until the account is connected again."),
    "wait_for_release": gettext_noop("On hold: its time passed more than 24 hours ago."),
    "user_disabled": gettext_noop(
        "It waits for your decision: an operator had disabled your sign-in."
    ),
    "operator": gettext_noop("It waits: an operator has put it on hold."),
    "restored": gettext_noop(
        "It waits for your decision: a backup was restored, and it may have been posted before."
        " Look into your account first."
    ),
}
OTHER_HOLD_SENTENCE = gettext_noop("It is on hold.")
SCHEDULED_SENTENCE = gettext_noop("It is stored and will be sent at its time.")
ACTIVE_REFRESH_SECONDS, DRAFT_REFRESH_SECONDS, IDLE_REFRESH_SECONDS = 2, 15, 30
"""Seconds between refreshes: while a post changes, for a draft, for a parked or scheduled post."""

ADDRESS_WAIT_SECONDS = 60  # for so long after its publication the address of a post is waited for


def describe_post(
    view: PostView,
    history: PostHistory,
    reasons: Mapping[str, FailureReason],
    *,
    now: datetime,
    oldest_first: bool = False,
) -> dict[str, Any]:
    """Return the fields of a post's page; `reasons` are the platform's failure reasons by code."""
    post = view.post
    sentence = state_sentence(post, now)
    moved_at = post.finished_at or post.updated_at
    return {
        "id": post.id,
        "row": post,
        "title": post.title,
        "kind": kind_label(post.provider, post.kind),
        "platform": platform_title(post.provider),
        "brand": PLATFORMS[post.provider].brand.css_class,
        "account": history.account_name,
        "files": item_fields(view),
        "parts": view.parts,
        "refresh_seconds": refresh_seconds(post, now),
        "verdict": build_verdict(post, reasons, sentence),
        "phase": current_phase(post),
        "answers": find_answers(view, history, reasons, sentence),
        "progress": upload_progress(post, now),
        "steps": progress_steps(post, view.events),
        "platform_ids": platform_ids(post),
        "timeline": timeline_entries(view, history, oldest_first=oldest_first),
        "oldest_first": oldest_first,
        "actions": list_actions(post),
        "retry_of": post.retry_of,
        "retries": history.retries,
        "together": history.together,
        "failed_tries": len(history.failed_attempts),
        "moved_at": moved_at,
        "moved_distance": distance_html(moved_at),
    }


def build_verdict(post: Post, reasons: Mapping[str, FailureReason], sentence: str) -> str:
    """Return the one sentence that says where the post stands; of a failure with its cause."""
    if post.state != PostState.FAILED:
        return sentence
    return f"{sentence} {describe_failure(post, reasons).cause}"


def refresh_seconds(post: Post, now: datetime) -> int | None:
    """Return the refresh interval; None if the post can no longer change. Units: seconds."""
    if is_delivered_draft(post):
        return DRAFT_REFRESH_SECONDS
    if is_address_expected(post, now):
        return ACTIVE_REFRESH_SECONDS
    if post.state in FINAL_STATES:
        return None
    return (
        IDLE_REFRESH_SECONDS
        if post.hold_reason or is_scheduled(post, now)
        else ACTIVE_REFRESH_SECONDS
    )


def is_address_expected(post: Post, now: datetime) -> bool:
    """Whether the post became public just now, and the next step may find its address."""
    is_incomplete = post.state == PostState.PUBLISHED and not post.permalink
    if not is_incomplete or post.due_at is None or post.finished_at is None:
        return False
    return (now - post.finished_at).total_seconds() < ADDRESS_WAIT_SECONDS


def is_scheduled(post: Post, now: datetime) -> bool:
    """Whether the post is queued for a time that is further away than one refresh."""
    if post.publish_at is None or post.state != PostState.QUEUED:
        return False
    return (post.publish_at - now).total_seconds() > IDLE_REFRESH_SECONDS


def state_sentence(post: Post, now: datetime) -> str:
    if post.hold_reason is not None:
        return translate_text(HOLD_SENTENCES.get(post.hold_reason, OTHER_HOLD_SENTENCE))
    if is_delivered_draft(post):
        return draft_sentence(post.provider)
    if is_scheduled(post, now):
        return translate_text(SCHEDULED_SENTENCE)
    sentence = STATE_SENTENCES[PostState(post.state)]
    return translate_text(sentence, platform=platform_title(post.provider))


def current_phase(post: Post) -> str | None:
    """What is being done for a post that has not ended; None if its platform has no words."""
    step = post.step_state.get(LAST_STEP)
    if post.state in FINAL_STATES or post.hold_reason is not None or not step:
        return None
    return phase_label(post.provider, str(step))


def upload_progress(post: Post, now: datetime) -> dict[str, Any] | None:
    """The progress of an upload that we send ourselves; None for any other post."""
    is_own_upload = post.sent_by == SentBy.SIGNALPOST and post.bytes_total
    if not is_own_upload or post.state != PostState.SENDING:
        return None
    return vars(publishing.upload_progress(post, now=now))


def platform_ids(post: Post) -> list[tuple[str, str]]:
    """The platform's ids of the post, each with its label."""
    rows = (
        (translate_text("Id of the upload there"), post.publish_id),
        (translate_text("Id of the post there"), post.platform_post_id),
    )
    return [(name, str(value)) for name, value in rows if value]
