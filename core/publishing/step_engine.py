"""Runs the steps of every platform: core owns rows, leases, retries, quotas and the timeline, the
platform's `StepPublisher` decides the next step and makes the calls.

A claim runs one step. A step that is unsafe, or that the other queue has to run, is first written
down, with the results of the step before it where that is possible, and run by the next claim.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from core.accounts.posting_tokens import (
    PostingToken,
    get_posting_token,
    report_refused_posting_token,
)
from core.bootstrap import Services
from core.errors import CoreError, OperationFailed
from core.outcomes import IMMEDIATELY, Failure, Park, Reschedule, Snooze, failure_from_error
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import (
    CHECKED_AT,
    FILE_STAMPS,
    INLINE,
    OFFSET_CONFIRMED,
    QUOTA_LIMITS,
    SLOT_LIMIT,
    UNSAFE_STEP,
    without_key,
)
from core.post_state.transitions import end_post, move_one_post, move_post
from core.publishing.exchange_log import build_exchange_rows, collect_calls
from core.publishing.part_cache import load_parts
from core.publishing.publication import (
    list_stored_files,
    load_files,
    load_publication,
    parse_time,
)
from core.publishing.quota import reserve_due_slot
from core.publishing.quota_rules import reserve_due_quotas
from core.publishing.result_recorders import record_success, write_plan
from core.publishing.step_calls import call_next_step
from core.publishing.step_jobs import (
    ChecksPassed,
    ClaimAnswer,
    NothingLeft,
    NothingSent,
    PlatformStepJob,
    PostingTokenRefused,
    StepNotSent,
    StepPlanned,
    StepSucceeded,
    StepUnanswered,
)
from core.publishing.step_safety import (
    begin_planned_step,
    forget_unsafe_step,
    is_outcome_open,
    limit_wait_for_owner,
    mark_unconfirmed,
    open_unrecorded_outcome,
)
from core.publishing.step_schedule import wait_after_end, wait_by_schedule
from core.publishing.upload_limit import limit_parallel_uploads
from db.insights.schedule import SamplingSchedules
from db.posts.parts import PostPart
from db.posts.posts import Post, SentBy
from db.session import Session, database_now
from platforms.errors import TokenExpired

UNCONFIRMED_POLL_DELAY = timedelta(seconds=2)
CHECK_LIFETIME = timedelta(minutes=1)
"""How old the check of what the platform would refuse may be when the post starts."""

MEAN_JITTER = 0.5


def prepare_step(session: Session, post: Post) -> PlatformStepJob:
    """Read what the next step needs; write down that a planned unsafe step begins.

    Errors: Snooze, Park, OperationFailed.
    """
    parts = load_parts(session, post.id)
    note_lost_answer(session, post, parts)
    if post.state not in FINAL_STATES and not is_begun(post, parts):
        check_caller_waits(post)
        reserve_slots(session, post)
    if post.is_upload_due:
        limit_parallel_uploads(session, post)
    token = get_token_in_time(session, post)
    files = load_files(session, post, parts) if needs_files(post, parts) else {}
    publication = load_publication(session, post, parts, files, destination=token.destination)
    if post.is_upload_due:
        post.step_state = without_key(post.step_state, OFFSET_CONFIRMED)
    is_checked = is_begun(post, parts) or is_check_recent(session, post)
    return PlatformStepJob(
        provider=post.provider,
        post_id=post.id,
        user_id=post.user_id,
        publication=publication,
        token=token,
        files=list_stored_files(files),
        encrypted_upload_urls=list_upload_urls(parts),
        due_since=post.publish_at or post.created_at,
        is_checked=is_checked,
        file_stamps=read_file_stamps(post),
        is_upload_claim=post.is_upload_due,
        has_slot=post.has_slot,
        # last, since what is written before an error in here would be kept
        planned_step=begin_planned_step(session, post) if is_checked else None,
    )


def get_token_in_time(session: Session, post: Post) -> PostingToken:
    """Errors: as `get_posting_token`; OperationFailed if the post waited too long for its owner."""
    try:
        return get_posting_token(session, post)
    except Park as park:
        raise limit_wait_for_owner(post, park, database_now(session)) from None


def note_lost_answer(session: Session, post: Post, parts: Sequence[PostPart]) -> None:
    """An earlier claim began an unsafe step and recorded nothing: its worker was killed."""
    if not is_begun(post, parts):
        open_unrecorded_outcome(post)
    if not is_outcome_open(post) or post.state in FINAL_STATES:
        return
    step = post.step_state[UNSAFE_STEP]
    note = f"the answer to the {step} was lost"
    post.step_state = without_key(post.step_state, INLINE)
    move_one_post(session, post, PostState.UNCONFIRMED, note=note)
    if post.oauth_account_id is not None:
        SamplingSchedules(session).request_listing_for(post.oauth_account_id)


def is_begun(post: Post, parts: Sequence[PostPart]) -> bool:
    """Whether the platform has, or had, something of the post."""
    return post.publish_id is not None or any(part.handle or part.tries for part in parts)


def needs_files(post: Post, parts: Sequence[PostPart]) -> bool:
    """Whether the step may use a media file of ours: not if only the status is asked for."""
    has_items = any(part.media_id is not None for part in parts)
    return has_items or post.is_upload_due or is_outcome_open(post) or not is_begun(post, parts)


def check_caller_waits(post: Post) -> None:
    """Errors: OperationFailed if the upload URL would be for a request that has ended."""
    if post.sent_by == SentBy.CALLER and INLINE not in post.step_state:
        raise OperationFailed("the request that needs the upload URL has ended", code="timeout")


def reserve_slots(session: Session, post: Post) -> None:
    """Reserve what the post needs of the limits that are known.

    Errors: Snooze until a slot is free; OperationFailed with the limit's code after a day.
    """
    if SLOT_LIMIT in post.step_state:
        reserve_due_slot(session, post)
    if QUOTA_LIMITS in post.step_state:
        reserve_due_quotas(session, post)


def list_upload_urls(parts: Sequence[PostPart]) -> dict[int, str]:
    return {
        part.position: part.upload_url_encrypted
        for part in parts
        if part.upload_url_encrypted is not None
    }


def is_check_recent(session: Session, post: Post) -> bool:
    checked_at = parse_time(post.step_state.get(CHECKED_AT))
    return checked_at is not None and database_now(session) - checked_at <= CHECK_LIFETIME


def read_file_stamps(post: Post) -> dict[int, str]:
    stamps = post.step_state.get(FILE_STAMPS, {})
    return {int(media_id): stamp for media_id, stamp in stamps.items()}


def execute_step(job: PlatformStepJob, services: Services) -> ClaimAnswer:
    with collect_calls(job.provider) as exchanges:
        answer = call_next_step(job, services)
    is_planned = job.planned_step is not None
    return ClaimAnswer(answer, is_planned=is_planned, exchanges=tuple(exchanges))


def record_step(changes: ChangeSet, post: Post, outcome: ClaimAnswer) -> Reschedule | Failure:
    """Write the effect; return when the next step is due, or why there is none.

    Errors: Snooze, Park.
    """
    changes.add_exchanges(build_exchange_rows(post, outcome.exchanges))
    answer = outcome.answer
    if outcome.is_planned and not isinstance(answer, StepUnanswered):
        forget_unsafe_step(post, keep_time=isinstance(answer, StepSucceeded))
    return ANSWER_RECORDERS[type(answer)](changes, post, answer)


def record_checks(changes: ChangeSet, post: Post, answer: ChecksPassed) -> Reschedule:
    """The check does not count as an attempt."""
    post.step_state = {
        **without_key(post.step_state, INLINE),
        QUOTA_LIMITS: dict(answer.limits),
        CHECKED_AT: changes.at.isoformat(),
    }
    write_plan(post, answer.plan)
    post.attempts -= 1
    return Reschedule(IMMEDIATELY, made_progress=False)


def record_plan(changes: ChangeSet, post: Post, answer: StepPlanned) -> Reschedule:
    """Planning does not count as an attempt."""
    del changes
    post.step_state = without_key(post.step_state, INLINE)
    write_plan(post, answer)
    post.attempts -= 1
    return Reschedule(IMMEDIATELY, made_progress=False)


def record_nothing_left(changes: ChangeSet, post: Post, answer: NothingLeft) -> Reschedule:
    del answer
    if post.state in FINAL_STATES:
        return Reschedule(None)
    return wait_by_schedule(changes, post, jitter=MEAN_JITTER)


def record_unanswered(changes: ChangeSet, post: Post, answer: StepUnanswered) -> Reschedule:
    if post.state in FINAL_STATES:  # a webhook came before this
        forget_unsafe_step(post, keep_time=True)
        return wait_after_end(post)
    note = f"no answer to the {answer.step}: {answer.code}"
    mark_unconfirmed(changes, post, note=note, repeat_after=changes.at + answer.min_delay)
    return Reschedule(UNCONFIRMED_POLL_DELAY)


def record_not_sent(changes: ChangeSet, post: Post, answer: StepNotSent) -> Failure:
    """Errors: Snooze, if the step was only postponed."""
    requeue_unbegun_post(changes, post)
    if isinstance(answer.cause, Snooze):
        raise answer.cause
    return answer.cause


def requeue_unbegun_post(changes: ChangeSet, post: Post) -> None:
    """Queue the post again: nothing of it has reached the platform.

    Each start needs a new check of what the platform would refuse.
    """
    if is_outcome_open(post) or post.state not in {PostState.QUEUED, PostState.SENDING}:
        return
    if not is_begun(post, load_parts(changes.session, post.id)):
        post.step_state = without_key(post.step_state, CHECKED_AT)
        if post.state == PostState.SENDING:
            move_post(changes, post, PostState.QUEUED, note="not started")


def record_refused_token(changes: ChangeSet, post: Post, answer: PostingTokenRefused) -> Failure:
    """Errors: Snooze, until there is a new token; Park if the owner has to act."""
    requeue_unbegun_post(changes, post)
    try:
        report_refused_posting_token(changes.session, answer.token, code=answer.code)
    except Park as park:
        limited = limit_wait_for_owner(post, park, changes.at)
        if isinstance(limited, Park):
            raise limited from None
        return failure_from_error(limited, "posts", post.id)
    except (TokenExpired, CoreError) as error:  # raised on, it would undo what was recorded here
        return failure_from_error(error, "posts", post.id)


def record_nothing_sent(changes: ChangeSet, post: Post, answer: NothingSent) -> Reschedule:
    del answer
    end_post(changes, post, PostState.CANCELLED, "dry_run")
    return Reschedule(None)


ANSWER_RECORDERS: Mapping[type, Callable[[ChangeSet, Post, Any], Reschedule | Failure]] = {
    ChecksPassed: record_checks,
    StepPlanned: record_plan,
    NothingLeft: record_nothing_left,
    StepSucceeded: record_success,
    StepUnanswered: record_unanswered,
    StepNotSent: record_not_sent,
    PostingTokenRefused: record_refused_token,
    NothingSent: record_nothing_sent,
}
"""What a claim brought → the function that records it."""
