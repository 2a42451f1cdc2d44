"""Records the results of a platform's steps: one function for each kind of `StepResult`."""

from collections.abc import Callable, Mapping
from typing import Any

from core.outcomes import Reschedule
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import (
    CHECKED_AT,
    FAILED_PART,
    FILE_STAMPS,
    HANDED_OVER,
    INLINE,
    LAST_STEP,
    OFFSET_CONFIRMED,
    PLANNED_STEP,
    POLL_COUNT,
    UNSAFE_AT,
    without_keys,
)
from core.post_state.transitions import POLL_SOURCE, apply_update, end_post, move_post
from core.publishing.step_jobs import StepPlanned, StepSucceeded
from core.publishing.step_safety import count_absence, forget_unsafe_step, is_outcome_open
from core.publishing.step_schedule import Recording, schedule_next_step
from db.posts.posts import Post, SentBy
from db.records.post_records import close_publication, has_record_table, open_publication
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
PART_SENT_NOTE = "all bytes sent"


def record_success(changes: ChangeSet, post: Post, answer: StepSucceeded) -> Reschedule:
    """Record what a step returned, and decide when the next one is due."""
    recording = Recording(changes, post, answer)
    post.started_at = post.started_at or changes.at
    post.step_state = without_keys(post.step_state, INLINE, OFFSET_CONFIRMED, CHECKED_AT)
    if answer.file_stamps:
        stamps = {str(media_id): stamp for media_id, stamp in answer.file_stamps.items()}
        post.step_state = {**post.step_state, FILE_STAMPS: stamps}
    if answer.rule.is_listed:
        note_step(changes, post, answer.rule.name)
    for result in answer.results:
        RESULT_RECORDERS[type(result)](recording, result)
    if not is_outcome_open(post) and post.state != PostState.PUBLISHED:
        post.step_state = without_keys(post.step_state, UNSAFE_AT)
    write_plan(post, answer.plan if post.state not in FINAL_STATES else None)
    return schedule_next_step(recording)


def note_step(changes: ChangeSet, post: Post, step: str) -> None:
    """Add the step to the timeline, unless it is a repetition of the last one."""
    if post.step_state.get(LAST_STEP) != step:
        post.step_state = {**post.step_state, LAST_STEP: step}
        changes.add_timeline_entry(post, "step", note=step)


def write_plan(post: Post, plan: StepPlanned | None) -> None:
    """Write down what the next claim runs, as far as that is known."""
    post.is_upload_due = plan is not None and plan.is_upload
    if plan is not None and plan.is_unsafe:
        post.step_state = {**post.step_state, PLANNED_STEP: plan.step}


def record_part_created(recording: Recording, result: PartCreated) -> None:
    recording.has_change = True
    changes, post = recording.changes, recording.post
    store_part(recording, result)
    if post.state == PostState.QUEUED:
        move_post(changes, post, PostState.SENDING, note="start")
    if result.position == 0:
        store_publication(recording, result)
    if recording.answer.is_unsafe or is_outcome_open(post):  # made now, or found
        post.step_state = {**post.step_state, HANDED_OVER: True}
    confirm_outcome(recording)
    post.step_state = without_keys(post.step_state, POLL_COUNT)
    move_created_post(recording)
    if result.position == 0:  # last, because it writes what was changed before
        open_publication(changes.session, post)


def move_created_post(recording: Recording) -> None:
    """The platform waits for bytes, or has all it needs of the parts that were made so far."""
    changes, post = recording.changes, recording.post
    if post.state in FINAL_STATES:
        return
    if not has_unsent_part(recording) and post.sent_by != SentBy.CALLER:
        post.step = Phase.PROCESSING
        if post.state == PostState.SENDING:
            note = "the platform fetches the file"
            move_post(changes, post, PostState.PROCESSING, note=note)
    elif post.state == PostState.SENDING:
        post.step = Phase.RECEIVING


def store_part(recording: Recording, result: PartCreated) -> None:
    at = recording.changes.at
    part = recording.get_part(result.position, result.role)
    if part.handle is not None:
        part.tries += 1
    part.handle, part.status, part.status_text = result.handle, result.status, None
    part.made_at, part.next_offset = at, 0
    part.expires_at = None if result.lifetime is None else at + result.lifetime
    part.upload_url_encrypted = recording.answer.encrypted_upload_urls.get(result.position)


def store_publication(recording: Recording, result: PartCreated) -> None:
    """The part that is published: its handle is the post's, and its platform keeps a record."""
    post, part = recording.post, recording.get_part(0)
    post.publish_id = result.handle
    if not has_record_table(post.provider):
        post.container_id = result.handle
    post.url_expires_at = part.expires_at if part.upload_url_encrypted else None
    if is_outcome_open(post):
        recording.changes.add_timeline_entry(post, "found", note=result.handle)
    else:
        recording.changes.add_timeline_entry(post, "started", note=result.handle)


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
    """Bytes arrived, or the platform has said how many it has: then sending goes on from there."""
    post = recording.post
    recording.has_change = True
    part = recording.get_part(result.position)
    recording.made_progress = result.next_offset > part.next_offset
    part.next_offset = result.next_offset
    post.step_state = {**post.step_state, OFFSET_CONFIRMED: True}
    post.bytes_sent = sum(each.next_offset for each in recording.parts.values())
    if not result.is_complete:
        return
    part.upload_url_encrypted = None
    if recording.answer.is_unsafe:
        post.step_state = {**post.step_state, HANDED_OVER: True}
    if post.state == PostState.SENDING and not has_unsent_part(recording):
        post.step = Phase.PROCESSING
        move_post(recording.changes, post, PostState.PROCESSING, note=PART_SENT_NOTE)


def record_part_discarded(recording: Recording, result: PartDiscarded) -> None:
    """Drop the part, so that another is made; after three of them the post fails."""
    changes, post = recording.changes, recording.post
    if post.state in FINAL_STATES:  # a webhook came before this answer
        return
    recording.has_change = True
    part = recording.get_part(result.position)
    part.tries += 1
    part.handle = part.status = part.expires_at = part.upload_url_encrypted = None
    part.status_text, part.next_offset = result.message or result.code, 0
    changes.add_timeline_entry(post, "restart", note=f"{part_name(result.position)}{result.code}")
    if is_outcome_open(post):
        forget_unsafe_step(post)
    if result.position == 0:
        drop_publication(recording)
    if part.tries >= MAX_PARTS_PER_POSITION:
        fail_because_of_part(recording, result)


def drop_publication(recording: Recording) -> None:
    """Nothing of the post is at the platform any more, but for the items of a collection."""
    changes, post = recording.changes, recording.post
    close_publication(changes.session, post)
    post.publish_id = post.container_id = post.step = post.url_expires_at = post.started_at = None
    post.bytes_sent, post.is_upload_due = 0, False
    post.step_state = without_keys(post.step_state, HANDED_OVER, POLL_COUNT, FILE_STAMPS)
    if post.state in {PostState.SENDING, PostState.UNCONFIRMED}:
        move_post(changes, post, PostState.QUEUED, note="the platform has nothing of it")


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
    post = recording.post
    apply_update(recording.changes, post, result.progress, source=POLL_SOURCE)
    if post.step not in {None, Phase.RECEIVING}:
        post.step_state = {**post.step_state, HANDED_OVER: True}


def record_visible(recording: Recording, result: PostVisible) -> None:
    """The post is public, now or since before: ids and facts that were not known are added."""
    changes, post = recording.changes, recording.post
    was_open = post.state in {PostState.PUBLISHED, PostState.UNCONFIRMED}
    forget_unsafe_step(post, keep_time=True)
    known_before = (post.state, post.platform_post_id, post.permalink)
    post_ids = (result.post_id,) if result.post_id else ()
    if result.post_id and result.post_id not in post.platform_post_ids:
        post.platform_post_ids = [*post.platform_post_ids, result.post_id]
        if was_open:
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
