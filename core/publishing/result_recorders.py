"""Records the results of a platform's steps: one function for each kind of `StepResult`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.outcomes import IMMEDIATELY, Reschedule
from core.post_state.changes import ChangeSet
from core.post_state.settle import DAY, FINAL_STATES, GIVE_UP_AFTER, PostState, next_poll_delay
from core.post_state.step_state import (
    FAILED_PART,
    LAST_STEP,
    POLL_COUNT,
    UNSAFE_AT,
    without_keys,
)
from core.post_state.transitions import POLL_SOURCE, apply_update, end_post, move_post
from core.publishing.step_calls import StepSucceeded
from core.publishing.step_safety import (
    count_absence,
    forget_unsafe_step,
    is_outcome_open,
    is_outcome_overdue,
)
from db.posts.parts import PostPart, PostParts
from db.posts.posts import Post
from db.records.public_posts import save_public_post
from platforms.base import Phase, PublishProgress
from platforms.publishing import (
    AbsenceReported,
    PartCreated,
    PartDiscarded,
    PartFailed,
    PartReported,
    PartSent,
    PostVisible,
    ProgressReported,
    StepResult,
    WaitFor,
)

MAX_PARTS_PER_POSITION = 3
VISIBLE_STATUS = "PUBLISHED"
TIMEOUT_CODE = "timeout"
OUTCOME_UNKNOWN_CODE = "outcome_unknown"
PART_SENT_NOTE = "all bytes sent"


@dataclass
class Recording:
    """The results of one step while they are recorded. `delay` is what the step asked for."""

    changes: ChangeSet
    post: Post
    parts: dict[int, PostPart]
    encrypted_upload_urls: Mapping[int, str]
    is_waiting: bool = False
    delay: timedelta | None = None
    has_change: bool = False  # whether the next step has something new to go by

    def get_part(self, position: int, role: str = "item") -> PostPart:
        """The part's row, which is made if the request had no item at that position."""
        if position not in self.parts:
            part = PostParts(self.changes.session).add(self.post.id, position, role)
            self.parts[position] = part
        return self.parts[position]


def record_success(changes: ChangeSet, post: Post, answer: StepSucceeded) -> Reschedule:
    """Record what a step returned, and decide when the next one is due."""
    rows = PostParts(changes.session).list_by_post(post.id)
    recording = Recording(
        changes, post, {row.position: row for row in rows}, answer.encrypted_upload_urls
    )
    post.started_at = post.started_at or changes.at
    note_step(changes, post, answer.step)
    for result in answer.results:
        RESULT_RECORDERS[type(result)](recording, result)
    if not is_outcome_open(post) and post.state != PostState.PUBLISHED:
        post.step_state = without_keys(post.step_state, UNSAFE_AT)
    return schedule_next_step(recording, answer)


def note_step(changes: ChangeSet, post: Post, step: str) -> None:
    """Add the step to the timeline, unless it is a repetition of the last one."""
    if post.step_state.get(LAST_STEP) != step:
        post.step_state = {**post.step_state, LAST_STEP: step}
        changes.add_timeline_entry(post, "step", note=step)


def schedule_next_step(recording: Recording, answer: StepSucceeded) -> Reschedule:
    changes, post = recording.changes, recording.post
    if post.state in FINAL_STATES:
        for part in recording.parts.values():
            part.upload_url_encrypted = None
    if post.state in {PostState.FAILED, PostState.CANCELLED}:
        return Reschedule(None)
    if is_outcome_overdue(post, changes.at):
        end_post(changes, post, PostState.FAILED, OUTCOME_UNKNOWN_CODE)
        return Reschedule(None)
    if recording.delay is not None:
        return Reschedule(recording.delay)
    if recording.is_waiting or not recording.has_change:
        return wait_by_schedule(changes, post, jitter=answer.jitter)
    return Reschedule(IMMEDIATELY)


def wait_by_schedule(changes: ChangeSet, post: Post, *, jitter: float) -> Reschedule:
    """Run the next step at growing intervals. A post that is pending for three days fails, and
    nothing more is looked for a day after it ended.
    """
    elapsed = changes.at - (post.started_at or post.created_at)
    if post.finished_at is not None and changes.at - post.finished_at >= DAY:
        return Reschedule(None)
    if elapsed >= GIVE_UP_AFTER and post.state not in FINAL_STATES:
        is_unknown = is_outcome_open(post)
        code = OUTCOME_UNKNOWN_CODE if is_unknown else TIMEOUT_CODE
        end_post(changes, post, PostState.FAILED, code)
        return Reschedule(None)
    poll_count = int(post.step_state.get(POLL_COUNT, 0))
    post.step_state = {**post.step_state, POLL_COUNT: poll_count + 1}
    return Reschedule(next_poll_delay(poll_count, elapsed, jitter=jitter))


def record_part_created(recording: Recording, result: PartCreated) -> None:
    recording.has_change = True
    changes, post = recording.changes, recording.post
    part = recording.get_part(result.position, result.role)
    if part.handle is not None:
        part.tries += 1
    part.handle, part.status, part.status_text = result.handle, result.status, None
    part.made_at, part.next_offset = changes.at, 0
    part.expires_at = None if result.lifetime is None else changes.at + result.lifetime
    part.upload_url_encrypted = recording.encrypted_upload_urls.get(result.position)
    if result.position == 0:
        post.publish_id = post.container_id = result.handle
        changes.add_timeline_entry(post, "started", note=result.handle)
    confirm_outcome(recording)
    post.step_state = without_keys(post.step_state, POLL_COUNT)
    if post.state in FINAL_STATES:
        return
    if post.state == PostState.QUEUED:
        move_post(changes, post, PostState.SENDING, note="start")
    if part.upload_url_encrypted is None:
        begin_processing(recording, note="the platform fetches the file")
    elif post.state == PostState.SENDING:
        post.step = Phase.RECEIVING


def begin_processing(recording: Recording, *, note: str) -> None:
    """The platform has all it needs of the parts that were made so far."""
    post = recording.post
    if post.state == PostState.SENDING and not has_unsent_part(recording):
        post.step = Phase.PROCESSING
        move_post(recording.changes, post, PostState.PROCESSING, note=note)


def has_unsent_part(recording: Recording) -> bool:
    return any(part.upload_url_encrypted is not None for part in recording.parts.values())


def confirm_outcome(recording: Recording) -> None:
    """The platform says what became of an unsafe step: the post goes on."""
    post = recording.post
    if is_outcome_open(post):
        forget_unsafe_step(post)
    if post.state == PostState.UNCONFIRMED:
        move_post(recording.changes, post, PostState.PROCESSING, note="found")


def record_part_reported(recording: Recording, result: PartReported) -> None:
    part = recording.get_part(result.position)
    recording.has_change |= part.status != result.status
    part.status, part.status_text = result.status, result.status_text


def record_part_sent(recording: Recording, result: PartSent) -> None:
    recording.has_change = True
    part = recording.get_part(result.position)
    part.next_offset = result.next_offset
    recording.post.bytes_sent = sum(each.next_offset for each in recording.parts.values())
    if result.is_complete:
        part.upload_url_encrypted = None
        begin_processing(recording, note=PART_SENT_NOTE)


def record_part_discarded(recording: Recording, result: PartDiscarded) -> None:
    """Drop the part, so that another is made; after three of them the post fails."""
    recording.has_change = True
    post = recording.post
    part = recording.get_part(result.position)
    part.tries += 1
    part.handle = part.status = part.expires_at = part.upload_url_encrypted = None
    part.status_text, part.next_offset = result.message or result.code, 0
    if result.position == 0:
        post.publish_id = post.container_id = None
    note = f"{part_name(result.position)}{result.code}"
    recording.changes.add_timeline_entry(post, "discarded", note=note)
    confirm_outcome(recording)
    if part.tries >= MAX_PARTS_PER_POSITION:
        fail_because_of_part(recording, result)


def record_part_failed(recording: Recording, result: PartFailed) -> None:
    recording.get_part(result.position).status_text = result.message or result.code
    forget_unsafe_step(recording.post)
    fail_because_of_part(recording, result)


def fail_because_of_part(recording: Recording, result: PartDiscarded | PartFailed) -> None:
    """Fail the post; the error names the item."""
    post = recording.post
    if post.state in FINAL_STATES:
        return
    post.step_state = {**post.step_state, FAILED_PART: result.position}
    message = f"{part_name(result.position)}{result.message or result.code}"
    end_post(recording.changes, post, PostState.FAILED, result.code, message)


def part_name(position: int) -> str:
    return f"item {position}: " if position > 0 else ""


def record_progress(recording: Recording, result: ProgressReported) -> None:
    if is_outcome_open(recording.post):
        forget_unsafe_step(recording.post)
    transition = apply_update(
        recording.changes, recording.post, result.progress, source=POLL_SOURCE
    )
    recording.has_change |= transition.is_change


def record_visible(recording: Recording, result: PostVisible) -> None:
    """The post is public, now or since before: ids and facts that were not known are added."""
    changes, post = recording.changes, recording.post
    forget_unsafe_step(post, keep_time=True)
    known_before = (post.state, post.platform_post_id, post.permalink)
    post_ids = (result.post_id,) if result.post_id else ()
    if result.post_id and result.post_id not in post.platform_post_ids:
        post.platform_post_ids = [*post.platform_post_ids, result.post_id]
        if post.state == PostState.PUBLISHED:
            changes.add_timeline_entry(post, "found", note=result.post_id)
    post.permalink = result.permalink or post.permalink
    progress = PublishProgress(
        Phase.PUBLISHED,
        VISIBLE_STATUS,
        post_ids=post_ids,
        is_public=True,
        occurred_at=result.posted_at,
    )
    apply_update(changes, post, progress, source=POLL_SOURCE)
    known_now = (post.state, post.platform_post_id, post.permalink)
    recording.has_change |= known_now != known_before
    save_public_post(
        changes.session,
        post,
        posted_at=result.posted_at,
        details=result.details,
    )


def record_absence(recording: Recording, result: AbsenceReported) -> None:
    del result
    recording.is_waiting = True
    if is_outcome_open(recording.post):
        count_absence(recording.changes, recording.post)
        recording.is_waiting = is_outcome_open(recording.post)
        recording.has_change = True


def record_wait(recording: Recording, result: WaitFor) -> None:
    """Several waits: the shortest one counts."""
    recording.is_waiting = True
    if result.delay is not None:
        delays = [result.delay] if recording.delay is None else [result.delay, recording.delay]
        recording.delay = min(delays)


RESULT_RECORDERS: Mapping[type[StepResult], Callable[[Recording, Any], None]] = {
    PartCreated: record_part_created,
    PartReported: record_part_reported,
    PartSent: record_part_sent,
    PartDiscarded: record_part_discarded,
    PartFailed: record_part_failed,
    ProgressReported: record_progress,
    PostVisible: record_visible,
    AbsenceReported: record_absence,
    WaitFor: record_wait,
}
"""A kind of result → the function that records it."""
