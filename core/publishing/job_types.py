"""The two job types of posts, which run the steps that their platforms decide.

`PUBLISH_JOB_TYPE` runs the short steps, many at a time; `UPLOAD_JOB_TYPE` sends bytes. They are
separate so that long uploads delay nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from core.accounts.tokens import preload_tokens
from core.backoff import RetryPolicy, minutes, seconds
from core.bootstrap import Services
from core.jobs.job_type import JobType
from core.observability.telemetry import bind_log_fields
from core.outcomes import Failure, Park, Reschedule, RowOutcome, Snooze
from core.post_state.changes import ChangeSet, open_change_set
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import (
    FAILED_PART,
    HANDED_OVER,
    INLINE,
    LAST_ERROR_CODE,
    RETRY_AFTER_SECONDS,
    StepState,
    without_key,
)
from core.post_state.transitions import end_one_post
from core.publishing.foreign_results import refuse_foreign_results
from core.publishing.part_cache import preload_parts
from core.publishing.step_engine import execute_step, prepare_step, record_step
from core.publishing.step_jobs import ClaimAnswer, PlatformStepJob
from core.publishing.step_safety import is_outcome_open
from core.publishing.url_checks import URL_UNREACHABLE_CODE
from db.posts.posts import POST_QUEUE, UPLOAD_QUEUE, Post, SentBy
from db.records.post_records import find_post_records
from db.session import Session, database_now

PLATFORM_UNAVAILABLE_CODES = frozenset(
    {"NETWORK_ERROR", "INVALID_RESPONSE", "UPSTREAM_5XX", "platform_unavailable"}
)
OUT_OF_ATTEMPTS = "out_of_attempts"  # the failure of a row whose workers died at every attempt
INTERNAL_CODES = frozenset({OUT_OF_ATTEMPTS, "upload_unknown"})
RETRY_POLICY = RetryPolicy(
    seconds(2, 5, 10, 30, 60) + minutes(2, 5, 10, 15, 30, 60, 60, 60, 120, 240, 480)
)


class PostJobType(JobType[Post, PlatformStepJob, ClaimAnswer]):
    """Runs the next step of a post."""

    retry_policy = RETRY_POLICY

    def describe_row(self, post: Post) -> Mapping[str, Any]:
        return describe_post(post)

    def prepare(self, session: Session, post: Post) -> PlatformStepJob:
        if post.attempts > 1:  # the request that ran the first attempt has ended
            post.step_state = without_key(post.step_state, INLINE)
        return prepare_step(session, post)

    def execute(self, job: PlatformStepJob, services: Services) -> ClaimAnswer:
        return execute_step(job, services)

    def record(self, session: Session, post: Post, outcome: ClaimAnswer) -> Reschedule | Failure:
        [(_, checked)] = refuse_foreign_results(session, [(post, outcome)])
        with open_change_set(session) as changes:
            outcome_or_snooze = record_step_or_snooze(changes, post, checked)
        if isinstance(outcome_or_snooze, Snooze):  # raised in the block it would lose the changes
            raise outcome_or_snooze
        return outcome_or_snooze

    def on_retry(self, session: Session, post: Post, cause: Failure | Snooze) -> None:
        """Store why the post waits.

        A caller who sends the bytes cannot get an upload URL later, so a failure ends such a post.
        So does a URL that does not answer, while the caller waits for the response.
        """
        if post.state in FINAL_STATES:
            return  # only a poll of an ended post failed
        post.hold_reason = str(cause) if isinstance(cause, Park) else None
        post.step_state = {**post.step_state, **retry_state(cause)}
        needs_upload_url = post.sent_by == SentBy.CALLER and post.publish_id is None
        ends_at_once = INLINE in post.step_state and is_callers_fault(cause)
        if isinstance(cause, Failure) and (needs_upload_url or ends_at_once):
            self.on_exhausted(session, post, cause)
        else:
            post.step_state = without_key(post.step_state, INLINE)

    def on_exhausted(self, session: Session, post: Post, failure: Failure) -> None:
        """Fail the post; with `outcome_unknown` if it may be published at the platform."""
        if post.state in FINAL_STATES:
            return
        if failure.item:
            post.step_state = {**post.step_state, FAILED_PART: failure.item}
        is_unknown = is_outcome_open(post) or HANDED_OVER in post.step_state
        message = f"{failure.code}: {failure.message}" if is_unknown else failure.message
        code = "outcome_unknown" if is_unknown else public_error_code(failure, post.provider)
        end_one_post(session, post, PostState.FAILED, code, message)


class PublishJobType(PostJobType):
    """All steps but the upload of bytes: short calls, many at a time."""

    kind = "posts"
    queue = POST_QUEUE
    lease = timedelta(seconds=90)
    batch_size = 64
    pool_size = 32

    def preload(self, session: Session, posts: Sequence[Post]) -> object:
        """Load the accounts and the parts of a batch in one query each.

        The time is read here, because it would cost each batch a savepoint later.
        """
        database_now(session)
        preload_parts(session, [post.id for post in posts])
        return preload_tokens(session, {post.oauth_account_id for post in posts})

    def record_many(
        self, session: Session, outcomes: Sequence[tuple[Post, ClaimAnswer]]
    ) -> list[RowOutcome]:
        """Record a batch in one change set, so that each table is written once."""
        outcomes = refuse_foreign_results(session, outcomes)
        preload_parts(session, [post.id for post, outcome in outcomes if outcome.changes_parts])
        started = (post for post, _ in outcomes if post.publish_id is not None)
        with open_change_set(session, records=find_post_records(session, started)) as changes:
            return [record_step_or_snooze(changes, post, outcome) for post, outcome in outcomes]


class UploadJobType(PostJobType):
    """The upload of bytes: long calls, one post per claim."""

    kind = "uploads"
    queue = UPLOAD_QUEUE
    lease = timedelta(seconds=330)
    batch_size = 1


PUBLISH_JOB_TYPE = PublishJobType()
UPLOAD_JOB_TYPE = UploadJobType()


def describe_post(post: Post) -> Mapping[str, Any]:
    """The ids in the log lines about a post."""
    ids = {
        "correlation_id": post.correlation_id,
        "post": post.id,
        "user": post.user_id,
        "account": post.oauth_account_id,
        "platform": post.provider,
        "publish_id": post.publish_id,
    }
    return {name: value for name, value in ids.items() if value is not None}


def record_step_or_snooze(changes: ChangeSet, post: Post, outcome: ClaimAnswer) -> RowOutcome:
    try:
        with bind_log_fields(describe_post(post)):
            return record_step(changes, post, outcome)
    except Snooze as snooze:
        return snooze


def is_callers_fault(cause: Failure | Snooze) -> bool:
    """Whether it is about something that the caller can change, if it does not pass by itself."""
    return isinstance(cause, Failure) and cause.code == URL_UNREACHABLE_CODE


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
