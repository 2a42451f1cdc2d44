"""The results of one step while they are recorded, and when the next step is due after them."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from core.outcomes import IMMEDIATELY, Reschedule
from core.post_state.changes import ChangeSet
from core.post_state.settle import (
    DAY,
    FINAL_STATES,
    GIVE_UP_AFTER,
    OVERDUE_AFTER,
    PostState,
    next_poll_delay,
)
from core.post_state.step_state import HANDED_OVER, IS_OVERDUE, POLL_COUNT
from core.post_state.transitions import DRAFT_POLL_INTERVAL, end_post, move_post
from core.publishing.part_cache import load_parts
from core.publishing.step_jobs import StepSucceeded
from core.publishing.step_safety import is_outcome_open, is_outcome_overdue
from db.posts.parts import PostPart, PostParts
from db.posts.posts import Post
from platforms.base import Phase

TIMEOUT_CODE = "timeout"
OUTCOME_UNKNOWN_CODE = "outcome_unknown"


@dataclass
class Recording:
    """The results of one step while they are recorded. `delay` is what the step asked for."""

    changes: ChangeSet
    post: Post
    answer: StepSucceeded
    is_waiting: bool = False
    delay: timedelta | None = None
    has_change: bool = False  # whether the next step has new facts to decide by
    made_progress: bool = True

    @cached_property
    def parts(self) -> dict[int, PostPart]:
        """The rows of the post's parts, by position. Most reports of progress need none."""
        return {part.position: part for part in load_parts(self.changes.session, self.post.id)}

    def get_part(self, position: int, role: str = "item") -> PostPart:
        """The part's row, which is made if the request had no item at that position."""
        if position not in self.parts:
            part = PostParts(self.changes.session).add(self.post.id, position, role)
            self.parts[position] = part
        return self.parts[position]


def schedule_next_step(recording: Recording) -> Reschedule:
    changes, post = recording.changes, recording.post
    if post.state not in FINAL_STATES and is_outcome_overdue(post, changes.at):
        end_post(changes, post, PostState.FAILED, OUTCOME_UNKNOWN_CODE)
    if post.state in {PostState.FAILED, PostState.CANCELLED}:
        return Reschedule(None)
    if recording.has_change and not recording.is_waiting:
        return Reschedule(IMMEDIATELY, made_progress=recording.made_progress)
    if recording.is_waiting and is_draft(post):
        return wait_after_end(post)
    if recording.delay is None:
        return wait_by_schedule(changes, post, jitter=recording.answer.jitter)
    has_ended = end_overdue_post(changes, post)
    delay = None if has_ended else recording.delay
    return Reschedule(delay, made_progress=recording.made_progress)


def is_draft(post: Post) -> bool:
    return post.state == PostState.PUBLISHED and post.step == Phase.DELIVERED


def wait_after_end(post: Post) -> Reschedule:
    """Ask later for a delivered draft, because its creator may still post it."""
    return Reschedule(DRAFT_POLL_INTERVAL if is_draft(post) else None)


def end_overdue_post(changes: ChangeSet, post: Post) -> bool:
    """Fail a post that is pending for three days; return whether it was."""
    started_at = post.started_at or post.created_at
    if post.state in FINAL_STATES or changes.at - started_at < GIVE_UP_AFTER:
        return False
    may_be_public = is_outcome_open(post) or HANDED_OVER in post.step_state
    code = OUTCOME_UNKNOWN_CODE if may_be_public else TIMEOUT_CODE
    end_post(changes, post, PostState.FAILED, code)
    return True


def wait_by_schedule(changes: ChangeSet, post: Post, *, jitter: float) -> Reschedule:
    """Run the next step at growing intervals, until the post has ended for a day.

    A post that is pending for three days fails. One that the platform makes public by itself is
    shown as unconfirmed after the first.
    """
    if post.state in FINAL_STATES:
        is_over = post.finished_at is None or changes.at - post.finished_at >= DAY
        if is_over or HANDED_OVER in post.step_state:
            return Reschedule(None)
    if end_overdue_post(changes, post):
        return Reschedule(None)
    elapsed = changes.at - (post.started_at or post.created_at)
    is_overdue = elapsed >= OVERDUE_AFTER and HANDED_OVER in post.step_state
    if is_overdue and post.state not in FINAL_STATES | {PostState.UNCONFIRMED}:
        # the note means "overdue"; kept, because stored timelines carry it
        move_post(changes, post, PostState.UNCONFIRMED, note="stale")
        post.step_state = {**post.step_state, IS_OVERDUE: True}
    poll_count = int(post.step_state.get(POLL_COUNT, 0))
    post.step_state = {**post.step_state, POLL_COUNT: poll_count + 1}
    return Reschedule(next_poll_delay(poll_count, elapsed, jitter=jitter))
