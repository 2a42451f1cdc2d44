"""Runs the steps of every platform that publishes in steps: core owns rows, leases, retries,
quotas and the timeline, the platform's `StepPublisher` decides the next step and makes the calls.

A claim runs one step. A step that is unsafe, or that the other queue has to run, is first written
down by one claim and run by the next.
"""

from collections.abc import Callable, Mapping
from typing import Any

from core.accounts.posting_tokens import get_posting_token, report_refused_posting_token
from core.bootstrap import Services
from core.outcomes import IMMEDIATELY, Failure, Reschedule, Snooze, failure_from_error
from core.post_state.changes import ChangeSet
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import PLANNED_STEP, QUOTA_LIMITS, UNSAFE_STEP
from core.post_state.transitions import end_post, move_one_post
from core.publishing.publication import list_stored_files, load_files, load_publication
from core.publishing.quota_rules import reserve_due_quotas
from core.publishing.result_recorders import record_success, wait_by_schedule
from core.publishing.step import Step
from core.publishing.step_calls import (
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
    call_next_step,
)
from core.publishing.step_safety import (
    begin_planned_step,
    forget_unsafe_step,
    is_outcome_open,
    mark_unconfirmed,
)
from core.publishing.steps.start import UNCONFIRMED_POLL_DELAY
from core.publishing.steps.upload_chunks import limit_parallel_uploads
from db.posts.parts import PostParts
from db.posts.posts import Post
from db.session import Session
from platforms.errors import TokenExpired

MEAN_JITTER = 0.5


class PlatformStep(Step[PlatformStepJob, ClaimAnswer]):
    """Whatever step the platform says that the post needs next."""

    def prepare(self, session: Session, post: Post) -> PlatformStepJob:
        note_lost_answer(session, post)
        is_checked = QUOTA_LIMITS in post.step_state
        if is_checked and post.state not in FINAL_STATES:
            reserve_due_quotas(session, post)
        if post.is_upload_due:
            limit_parallel_uploads(session, post)
        token = get_posting_token(session, post)
        parts = PostParts(session).list_by_post(post.id)
        files = load_files(session, parts)
        publication = load_publication(session, post, parts, files, destination=token.destination)
        return PlatformStepJob(
            provider=post.provider,
            post_id=post.id,
            user_id=post.user_id,
            publication=publication,
            token=token,
            files=list_stored_files(files),
            encrypted_upload_urls={
                part.position: part.upload_url_encrypted
                for part in parts
                if part.upload_url_encrypted is not None
            },
            due_since=post.publish_at or post.created_at,
            is_checked=is_checked,
            is_upload_claim=post.is_upload_due,
            # last, since what is written before an error in here would be kept
            planned_step=begin_planned_step(session, post),
        )

    def execute(self, job: PlatformStepJob, services: Services) -> ClaimAnswer:
        return ClaimAnswer(call_next_step(job, services), is_planned=job.planned_step is not None)

    def record(self, changes: ChangeSet, post: Post, outcome: ClaimAnswer) -> Reschedule | Failure:
        answer = outcome.answer
        if outcome.is_planned and not isinstance(answer, StepUnanswered):
            forget_unsafe_step(post, keep_time=isinstance(answer, StepSucceeded))
        return ANSWER_RECORDERS[type(answer)](changes, post, answer)


def note_lost_answer(session: Session, post: Post) -> None:
    """An earlier claim began an unsafe step and recorded nothing: its worker was killed."""
    if is_outcome_open(post) and post.state not in FINAL_STATES:
        step = post.step_state[UNSAFE_STEP]
        move_one_post(session, post, PostState.UNCONFIRMED, note=f"the answer to {step} was lost")


def record_checks(changes: ChangeSet, post: Post, answer: ChecksPassed) -> Reschedule:
    del changes
    post.step_state = {**post.step_state, QUOTA_LIMITS: dict(answer.limits)}
    return Reschedule(IMMEDIATELY)


def record_plan(changes: ChangeSet, post: Post, answer: StepPlanned) -> Reschedule:
    """Write down what the next claim runs. Planning does not count as an attempt."""
    del changes
    post.is_upload_due = answer.is_upload
    if answer.is_unsafe:
        post.step_state = {**post.step_state, PLANNED_STEP: answer.step}
    post.attempts -= 1
    return Reschedule(IMMEDIATELY, made_progress=False)


def record_nothing_left(changes: ChangeSet, post: Post, answer: NothingLeft) -> Reschedule:
    del answer
    if post.state in FINAL_STATES:
        return Reschedule(None)
    return wait_by_schedule(changes, post, jitter=MEAN_JITTER)


def record_unanswered(changes: ChangeSet, post: Post, answer: StepUnanswered) -> Reschedule:
    note = f"no answer to {answer.step}: {answer.code}"
    mark_unconfirmed(changes, post, note=note, repeat_after=changes.at + answer.min_delay)
    return Reschedule(UNCONFIRMED_POLL_DELAY)


def record_not_sent(changes: ChangeSet, post: Post, answer: StepNotSent) -> Failure:
    """Errors: Snooze, if the step was only postponed."""
    del changes, post
    if isinstance(answer.cause, Snooze):
        raise answer.cause
    return answer.cause


def record_refused_token(changes: ChangeSet, post: Post, answer: PostingTokenRefused) -> Failure:
    """Errors: Snooze, until there is a new token; Park if the owner has to act."""
    try:
        report_refused_posting_token(changes.session, answer.token, code=answer.code)
    except TokenExpired as error:  # raised on, it would undo what was recorded here
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
