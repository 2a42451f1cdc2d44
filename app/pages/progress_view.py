"""The progress bar of a post: its steps, and which are done, current, ahead or failed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from app.http.i18n import gettext_noop, translate_text
from app.pages.badges import is_delivered_draft
from app.pages.brands import draft_label
from core.post_state.settle import PostState
from db.posts.posts import Post
from db.posts.timeline import PostEvent
from platforms.publishing import EndsAs
from platforms.registry import PLATFORMS

RECEIVED_LABEL, SENT_LABEL, PROCESSED_LABEL = (
    gettext_noop("Received"),
    gettext_noop("Sent"),
    gettext_noop("Processed"),
)
PUBLISHED_LABEL = gettext_noop("Published")
STATE_RANK: Mapping[str | None, int] = {
    PostState.QUEUED: 0,
    PostState.SENDING: 1,
    PostState.PROCESSING: 2,
}


class ProgressStep(NamedTuple):
    """One step; `status` is done, now, ahead, or fail for the step at which the post ended.

    `at`: when the post came to it; None if it has not, or skipped it.
    """

    label: str
    status: str
    at: datetime | None = None


def progress_steps(post: Post, events: Sequence[PostEvent]) -> list[ProgressStep]:
    """Return the steps of a post in their order; a draft has one more, its delivery."""
    is_draft = ends_as_draft(post)
    labels = [
        *(translate_text(label) for label in (RECEIVED_LABEL, SENT_LABEL, PROCESSED_LABEL)),
        *([draft_label(post.provider)] if is_draft else []),
        translate_text(PUBLISHED_LABEL),
    ]
    current = current_step(post, events, len(labels))
    status = current_status(post)
    times = step_times(post, events, len(labels))
    return [
        ProgressStep(label, step_status(number, current, status), times.get(number))
        for number, label in enumerate(labels)
    ]


def step_times(
    post: Post, events: Sequence[PostEvent], step_count: int
) -> dict[int, datetime | None]:
    """Return when the post came to each step, by its index; the one it ended at has the end."""
    times: dict[int, datetime | None] = {0: post.created_at}
    for event in events:
        rank = STATE_RANK.get(event.after)
        if rank:
            times.setdefault(rank, event.at)
    if post.finished_at is not None:
        times[current_step(post, events, step_count)] = post.finished_at
    return times


def ends_as_draft(post: Post) -> bool:
    """Whether the creator finishes the post; a kind that its platform no longer has is none."""
    kind = PLATFORMS[post.provider].kinds.get(post.kind)
    return kind is not None and kind.ends_as is EndsAs.DRAFT


def current_step(post: Post, events: Sequence[PostEvent], step_count: int) -> int:
    """Return the index of the step that the post is at, or at which it ended."""
    if is_delivered_draft(post):
        return step_count - 2
    if post.state == PostState.PUBLISHED:
        return step_count - 1
    reached_states = {event.after for event in events} | {post.state}
    return max(STATE_RANK.get(state, 0) for state in reached_states)


def current_status(post: Post) -> str:
    """Return the status of the step that the post is at."""
    if post.state in {PostState.FAILED, PostState.CANCELLED}:
        return "fail"
    is_published = post.state == PostState.PUBLISHED and not is_delivered_draft(post)
    return "done" if is_published else "now"


def step_status(number: int, current: int, status_of_current: str) -> str:
    if number == current:
        return status_of_current
    return "done" if number < current else "ahead"
