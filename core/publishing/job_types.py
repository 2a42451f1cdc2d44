"""The two job types of posts, and which step a claimed post needs next.

`PUBLISH_JOB_TYPE` runs the short steps (preflight, start, poll, reconcile), many at a time;
`UPLOAD_JOB_TYPE` sends bytes. They are separate so that long uploads delay nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.accounts.tokens import preload_tokens
from core.backoff import RetryPolicy, minutes, seconds
from core.bootstrap import Services
from core.jobs.job_type import JobType
from core.outcomes import Failure, Park, Reschedule, RowOutcome, Snooze
from core.post_state.changes import ChangeSet, open_change_set
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import (
    INLINE,
    LAST_ERROR_CODE,
    OFFSET_CONFIRMED,
    PREFLIGHT_AT,
    RETRY_AFTER_SECONDS,
    UPLOAD_URL_ERROR,
    StepState,
    without_key,
)
from core.post_state.transitions import end_one_post
from core.publishing.preflight import PreflightStep
from core.publishing.step import Step, has_own_steps
from core.publishing.step_engine import PlatformStep
from core.publishing.step_safety import is_outcome_open
from core.publishing.steps.poll import PollStep
from core.publishing.steps.reconcile import ReconcileStep
from core.publishing.steps.start import StartStep, requeue_unsent_start
from core.publishing.steps.upload_chunks import UploadChunksStep
from db.posts.parts import PostParts
from db.posts.posts import POST_QUEUE, UPLOAD_QUEUE, Post, SentBy
from db.posts.tiktok_posts import TikTokPosts
from db.session import Session

PLATFORM_UNAVAILABLE_CODES = frozenset(
    {"NETWORK_ERROR", "INVALID_RESPONSE", "UPSTREAM_5XX", "platform_unavailable"}
)
OUT_OF_ATTEMPTS = "out_of_attempts"  # the failure of a row whose workers died at every attempt
INTERNAL_CODES = frozenset({OUT_OF_ATTEMPTS, "upload_unknown"})
RETRY_POLICY = RetryPolicy(
    seconds(2, 5, 10, 30, 60) + minutes(2, 5, 10, 15, 30, 60, 60, 60, 120, 240, 480)
)

STEPS: dict[str, Step[Any, Any]] = {
    "preflight": PreflightStep(),
    "start": StartStep(),
    "upload_chunks": UploadChunksStep(),
    "poll": PollStep(),
    "reconcile": ReconcileStep(),
    "platform_step": PlatformStep(),
}


@dataclass(frozen=True)
class StepJob:
    """The job of one step; `step` is a key of `STEPS`."""

    step: str
    job: Any


@dataclass(frozen=True)
class StepOutcome:
    """The outcome of one step; `step` is a key of `STEPS`."""

    step: str
    outcome: Any


def next_step(post: Post) -> str:
    """The key in `STEPS` of what a claimed post needs next.

    While it is uncertain what happened, the platform is polled before anything is sent.
    """
    if not has_own_steps(post.provider):
        return "platform_step"
    if post.publish_id is None:
        is_pull = post.sent_by == SentBy.PLATFORM
        if post.state == PostState.UNCONFIRMED or (is_pull and post.state == PostState.SENDING):
            return "reconcile"
        return "preflight" if is_pull and PREFLIGHT_AT not in post.step_state else "start"
    is_our_upload = post.state == PostState.SENDING and post.sent_by == SentBy.SIGNALPOST
    is_offset_uncertain = post.attempts > 1 and OFFSET_CONFIRMED not in post.step_state
    can_send = is_our_upload and not is_offset_uncertain and UPLOAD_URL_ERROR not in post.step_state
    return "upload_chunks" if can_send else "poll"


class PostJobType(JobType[Post, StepJob, StepOutcome]):
    """Runs the next step of a post."""

    retry_policy = RETRY_POLICY

    def prepare(self, session: Session, post: Post) -> StepJob:
        if post.attempts > 1:  # the request that ran the first attempt has ended
            post.step_state = without_key(post.step_state, INLINE)
        step = next_step(post)
        return StepJob(step, STEPS[step].prepare(session, post))

    def execute(self, step_job: StepJob, services: Services) -> StepOutcome:
        return StepOutcome(step_job.step, STEPS[step_job.step].execute(step_job.job, services))

    def record(
        self, session: Session, post: Post, step_outcome: StepOutcome
    ) -> Reschedule | Failure:
        with open_change_set(session) as changes:
            return record_step(changes, post, step_outcome)

    def on_retry(self, session: Session, post: Post, cause: Failure | Snooze) -> None:
        """Store why the post waits, and queue a start again that was not sent.

        A caller who sends the bytes cannot get an upload URL later, so a failure ends such a post.
        """
        if post.state in FINAL_STATES:
            return  # only a poll of an ended post failed
        post.hold_reason = str(cause) if isinstance(cause, Park) else None
        post.step_state = {**post.step_state, **retry_state(cause)}
        if not has_own_steps(post.provider):
            return
        requeue_unsent_start(session, post)
        needs_upload_url = post.sent_by == SentBy.CALLER and post.publish_id is None
        if isinstance(cause, Failure) and needs_upload_url:
            self.on_exhausted(session, post, cause)
        else:
            post.step_state = without_key(post.step_state, INLINE)

    def on_exhausted(self, session: Session, post: Post, failure: Failure) -> None:
        """Fail the post; with `outcome_unknown` if it may be published at the platform."""
        if post.state in FINAL_STATES:
            return
        is_unknown = may_be_public(post, failure)
        message = f"{failure.code}: {failure.message}" if is_unknown else failure.message
        code = "outcome_unknown" if is_unknown else public_error_code(failure, post.provider)
        end_one_post(session, post, PostState.FAILED, code, message)
        if not has_own_steps(post.provider):
            PostParts(session).clear_upload_urls([post.id])


def may_be_public(post: Post, failure: Failure) -> bool:
    """Whether a post that is given up may have become public."""
    if not has_own_steps(post.provider):
        return is_outcome_open(post)
    was_killed = post.state == PostState.SENDING and failure.code == OUT_OF_ATTEMPTS
    may_be_running = was_killed and post.sent_by == SentBy.PLATFORM
    return may_be_running or post.state in {PostState.PROCESSING, PostState.UNCONFIRMED}


class PublishJobType(PostJobType):
    """All steps but the upload of bytes: short calls, many at a time."""

    kind = "posts"
    queue = POST_QUEUE
    lease = timedelta(seconds=90)
    batch_size = 64
    pool_size = 32

    def preload(self, session: Session, posts: Sequence[Post]) -> object:
        """Load the accounts of a batch in one query; `prepare` finds them in the session."""
        return preload_tokens(session, {post.oauth_account_id for post in posts})

    def record_many(
        self, session: Session, outcomes: Sequence[tuple[Post, StepOutcome]]
    ) -> list[RowOutcome]:
        """Record a batch in one change set, so that each table is written once."""
        started_ids = [post.id for post, _ in outcomes if post.publish_id is not None]
        tiktok_rows = TikTokPosts(session).get_by_posts(started_ids)
        with open_change_set(session, tiktok_rows=tiktok_rows) as changes:
            return [record_step_or_snooze(changes, post, outcome) for post, outcome in outcomes]


class UploadJobType(PostJobType):
    """The upload of bytes: long calls, one post per claim."""

    kind = "uploads"
    queue = UPLOAD_QUEUE
    lease = timedelta(seconds=330)
    batch_size = 1


PUBLISH_JOB_TYPE = PublishJobType()
UPLOAD_JOB_TYPE = UploadJobType()


def record_step(changes: ChangeSet, post: Post, step_outcome: StepOutcome) -> Reschedule | Failure:
    return STEPS[step_outcome.step].record(changes, post, step_outcome.outcome)


def record_step_or_snooze(changes: ChangeSet, post: Post, step_outcome: StepOutcome) -> RowOutcome:
    try:
        return record_step(changes, post, step_outcome)
    except Snooze as snooze:
        return snooze


def retry_state(cause: Failure | Snooze) -> StepState:
    """What the response to the request reports about the last attempt: a code and a wait."""
    wait = cause.min_delay if isinstance(cause, Failure) else cause.delay
    return {
        LAST_ERROR_CODE: getattr(cause, "code", "later"),
        RETRY_AFTER_SECONDS: wait.total_seconds() if wait else 0,
    }


def public_error_code(failure: Failure, provider: str) -> str:
    """The error code for people and programs; errors of our own code become `upload_failed`."""
    if failure.code in PLATFORM_UNAVAILABLE_CODES:
        return f"{provider}_unavailable"
    is_exception_name = failure.code[:1].isupper()  # of an error without a code
    is_internal = is_exception_name or failure.code in INTERNAL_CODES
    return "upload_failed" if is_internal else failure.code
