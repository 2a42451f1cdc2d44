"""Applies changes to posts: progress reports of the platform (`apply_update`) and our own state
changes (`move_post`, `end_post`), with the platform's record, timeline, notifications and app
events.

Polls and webhooks both call `apply_update`; nothing else applies what the platform reports.
The record is monotone too: its statuses have a rank, and no report moves it backwards.
"""

from collections.abc import Mapping
from datetime import timedelta

from core.post_state.changes import ChangeSet, open_change_set
from core.post_state.settle import (
    FINAL_STATES,
    STATE_FOR_PHASE,
    CurrentState,
    PostState,
    Transition,
    settle,
)
from core.post_state.step_state import IS_OVERDUE, is_reported_by_response
from db.posts.posts import Post
from db.publishing.batches import AnyPost
from db.records.post_records import get_projection
from db.records.record_table import WebhookReport
from db.session import Session
from platforms.base import Phase, PublishProgress
from platforms.registry import PLATFORMS

POLL_SOURCE = "poll"
DRAFT_POLL_INTERVAL = timedelta(hours=6)  # a creator may post a delivered draft days later

NOTIFICATION_KINDS = {
    PostState.PUBLISHED: "post_published",
    PostState.FAILED: "post_failed",
    PostState.UNCONFIRMED: "post_unconfirmed",
}


def apply_one_update(
    session: Session, post: Post, progress: PublishProgress, *, source: str
) -> Transition:
    """Apply a progress report to one post; `source` is `poll`, `webhook` or another origin."""
    with open_change_set(session) as changes:
        return apply_update(changes, post, progress, source=source)


def move_one_post(session: Session, post: Post, state: PostState, *, note: str) -> None:
    """`move_post` for a single post, in a separate change set."""
    with open_change_set(session) as changes:
        move_post(changes, post, state, note=note)


def end_one_post(
    session: Session,
    post: Post,
    state: PostState,
    code: str | None = None,
    message: str | None = None,
) -> None:
    """`end_post` for a single post, in a separate change set."""
    with open_change_set(session) as changes:
        end_post(changes, post, state, code, message)


def apply_update(
    changes: ChangeSet, post: AnyPost, progress: PublishProgress, *, source: str
) -> Transition:
    """Apply a progress report to the post and its record; adds what follows to `changes`."""
    before = PostState(post.state)
    transition = settle(current_state(post), progress)
    if (record := changes.get_record(post)) is not None:
        get_projection(post.provider).apply_progress(
            record, progress, ranks=status_ranks(post), at=changes.at
        )
    if transition.is_contradiction:
        apply_contradiction(changes, post, progress, source=source)
        return transition
    store_progress(post, progress, transition)
    if transition.is_change:
        post.state, post.step = transition.state, transition.phase
        note = progress.fail_reason or progress.vendor_status
        changes.add_timeline_entry(post, source, before=before, after=transition.state, note=note)
    if transition.state in FINAL_STATES and before not in FINAL_STATES:
        end_post(changes, post, transition.state, progress.fail_reason)
    elif transition.is_change and transition.state in FINAL_STATES:
        notify_owner(changes, post)  # the creator has posted the draft
        changes.add_app_event(post)
    elif transition.state is not before:
        changes.add_app_event(post)
    return transition


def record_webhook(changes: ChangeSet, post: AnyPost, report: WebhookReport) -> None:
    """Store beside what the platform reported that a webhook reported it."""
    if (record := changes.get_record(post)) is not None:
        get_projection(post.provider).mark_webhook(record, report, at=changes.at)


def move_post(changes: ChangeSet, post: AnyPost, state: PostState, *, note: str) -> None:
    """Change the state ourselves (queued, sending, unconfirmed), with an entry in the timeline."""
    if post.state != state:
        changes.add_timeline_entry(post, "state", before=post.state, after=state, note=note)
        post.state = state
        if state is PostState.UNCONFIRMED:
            notify_owner(changes, post)
        if state not in FINAL_STATES:
            changes.add_app_event(post)  # `end_post` adds it once the post is complete


def end_post(
    changes: ChangeSet,
    post: AnyPost,
    state: PostState,
    code: str | None = None,
    message: str | None = None,
) -> None:
    """Move the post to a final state; only a delivered draft stays due for polls.

    The quota slot needs no update: whether it counts follows from the state.
    """
    move_post(changes, post, state, note=code or state.lower())
    is_draft = state is PostState.PUBLISHED and post.step == Phase.DELIVERED
    post.due_at = changes.at + DRAFT_POLL_INTERVAL if is_draft else None
    post.hold_reason = None
    post.finished_at = changes.at
    if state is not PostState.PUBLISHED:
        post.error_code = code or "unknown"
        post.error_message = message
    if (record := changes.get_record(post)) is not None:
        get_projection(post.provider).end_record(
            record, post, ranks=status_ranks(post), at=changes.at
        )
    notify_owner(changes, post)
    changes.add_app_event(post)
    changes.add_ended_post(post)


def notify_owner(changes: ChangeSet, post: AnyPost) -> None:
    """Add a notification, once per kind; none if the response to the request reports the same."""
    kind = NOTIFICATION_KINDS.get(PostState(post.state))
    if kind is None or is_reported_by_response(post.step_state):
        return
    is_draft = post.state == PostState.PUBLISHED and post.step == Phase.DELIVERED
    subject = f"post:{post.id}"
    changes.add_notification(
        post.user_id,
        delivered_notification(post) if is_draft else kind,
        cause=subject,
        subject=subject,
        post_id=post.id,
        platform=post.provider,
        title=post.title[:100],
        code=post.error_code,
    )


def current_state(post: AnyPost) -> CurrentState:
    """An overdue post is still processing at the platform; only people see it as unconfirmed."""
    state = PostState.PROCESSING if IS_OVERDUE in post.step_state else PostState(post.state)
    return CurrentState(state, Phase(post.step) if post.step else None, post.bytes_total)


def store_progress(post: AnyPost, progress: PublishProgress, transition: Transition) -> None:
    if progress.post_ids:
        post.platform_post_id = progress.post_ids[0]
    if progress.bytes_done is not None and transition.state is PostState.SENDING:
        post.bytes_sent = progress.bytes_done
    if (
        transition.state in {PostState.PROCESSING, PostState.PUBLISHED}
        and post.bytes_total is not None
    ):
        post.bytes_sent = post.bytes_total


def apply_contradiction(
    changes: ChangeSet, post: AnyPost, progress: PublishProgress, *, source: str
) -> None:
    """A report names another final state. If a webhook does, the post is polled; a poll decides."""
    changes.add_timeline_entry(post, "contradiction", note=f"{source}: {progress.vendor_status}")
    if source != POLL_SOURCE:
        post.due_at = changes.at
        return
    before = post.state
    post.state, post.step = STATE_FOR_PHASE[progress.phase], progress.phase
    changes.add_timeline_entry(post, source, before=before, after=post.state, note="asked again")
    post.error_code = (
        None if post.state == PostState.PUBLISHED else progress.fail_reason or "unknown"
    )
    post.error_message = None
    post.finished_at = changes.at
    if (record := changes.get_record(post)) is not None:
        get_projection(post.provider).correct_record(
            record, post, progress.vendor_status, ranks=status_ranks(post), at=changes.at
        )
    notify_owner(changes, post)
    changes.add_app_event(post)


def status_ranks(post: AnyPost) -> Mapping[str, int]:
    """The statuses of the post's platform, in their order."""
    return PLATFORMS[post.provider].status_ranks


def delivered_notification(post: AnyPost) -> str:
    """The kind of the notification that a draft was delivered."""
    return PLATFORMS[post.provider].delivered_notification
