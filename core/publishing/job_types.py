"""A post on its way, step by step: which step is next, and the two kinds of due work it makes.

`WORK` speaks (start, check, reconcile), `UPLOADS` moves bytes, apart from each other so that a
long upload delays nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.accounts.tokens import preload_tokens
from core.backoff import RetryPolicy, minutes, seconds
from core.bootstrap import Services
from core.jobs.job_type import JobType
from core.outcomes import Failure, Park, Reschedule, Snooze
from core.post_state.changes import ChangeSet, open_change_set
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import (
    INLINE,
    LAST_ERROR_CODE,
    OFFSET_CONFIRMED,
    PREFLIGHT_AT,
    RETRY_AFTER_SECONDS,
    UPLOAD_URL_ERROR,
    without_key,
)
from core.post_state.transitions import end_one_post
from core.publishing import preflight
from core.publishing.steps import poll, reconcile, start, upload_chunks
from db.posts.posts import POST_QUEUE, UPLOAD_QUEUE, Post, SentBy
from db.posts.tiktok_posts import TikTokPosts
from db.session import Session

PLATFORM_UNAVAILABLE_CODES = frozenset(
    {"NETWORK_ERROR", "INVALID_RESPONSE", "UPSTREAM_5XX", "platform_unavailable"}
)
OUT_OF_ATTEMPTS = "out_of_attempts"
INTERNAL_CODES = frozenset({OUT_OF_ATTEMPTS, "upload_unknown"})

STEPS: dict[str, Any] = {
    "preflight": preflight,
    "start": start,
    "send": upload_chunks,
    "check": poll,
    "reconcile": reconcile,
}


@dataclass(frozen=True)
class StepValue:
    """The job of one step, or its outcome, under the step's name."""

    step: str
    value: Any


def next_step(post: Post) -> str:
    """What a claimed post needs next. Past a doubt, the platform is asked before it is told."""
    if post.publish_id is None:
        is_pull = post.sent_by == SentBy.PLATFORM
        if post.state == PostState.UNCONFIRMED or (is_pull and post.state == PostState.SENDING):
            return "reconcile"
        return "preflight" if is_pull and PREFLIGHT_AT not in post.memo else "start"
    is_uncertain = post.attempts > 1 and OFFSET_CONFIRMED not in post.memo
    is_our_upload = post.state == PostState.SENDING and post.sent_by == SentBy.SIGNALPOST
    return (
        "send"
        if is_our_upload and not is_uncertain and UPLOAD_URL_ERROR not in post.memo
        else "check"
    )


def preload_accounts(session: Session, posts: Sequence[Post]) -> object:
    """Their accounts, in one question: each brief then finds its own at hand."""
    return preload_tokens(session, {post.oauth_account_id for post in posts})


def prepare_step(session: Session, post: Post) -> StepValue:
    if post.attempts > 1:
        post.memo = without_key(
            post.memo, INLINE
        )  # whoever waited for its first step waits no more
    step = next_step(post)
    return StepValue(step, STEPS[step].prepare(session, post))


def execute_step(step_value: StepValue, services: Services) -> StepValue:
    return StepValue(step_value.step, STEPS[step_value.step].execute(step_value.value, services))


def record_step(session: Session, post: Post, step_value: StepValue) -> Reschedule:
    with open_change_set(session) as changes:
        return record_changes(changes, post, step_value)


def record_many(
    session: Session, step_values: Sequence[tuple[Post, StepValue]]
) -> list[Reschedule | Snooze]:
    """Of several posts, in one book: each table is written once."""
    started_ids = [post.id for post, _ in step_values if post.publish_id is not None]
    with open_change_set(
        session, records=TikTokPosts(session).get_by_posts(started_ids)
    ) as changes:
        return [record_or_snooze(changes, post, step_value) for post, step_value in step_values]


def record_or_snooze(changes: ChangeSet, post: Post, step_value: StepValue) -> Reschedule | Snooze:
    try:
        return record_changes(changes, post, step_value)
    except Snooze as snooze:
        return snooze


def record_changes(changes: ChangeSet, post: Post, step_value: StepValue) -> Reschedule:
    return STEPS[step_value.step].record(changes, post, step_value.value)  # type: ignore[no-any-return]  # STEPS is untyped


def on_retry(session: Session, post: Post, cause: Failure | Snooze) -> None:
    """Held, postponed or tried in vain: what is unsaid can be said again, by whom, it says."""
    if post.state in FINAL_STATES:
        return  # it was only asked after; nothing about it waits
    post.hold_reason = str(cause) if isinstance(cause, Park) else None
    post.memo = {**post.memo, **retry_state(cause)}
    start.on_retry(session, post)
    has_lost_caller = post.sent_by == SentBy.CALLER and post.publish_id is None
    if isinstance(cause, Failure) and has_lost_caller:
        on_exhausted(session, post, cause)  # a caller waits for an address that cannot be had later
    else:
        post.memo = without_key(post.memo, INLINE)


def retry_state(cause: Failure | Snooze) -> dict[str, Any]:
    """What the requester, if there is one, has to know: a code, and seconds to wait."""
    wait = cause.min_delay if isinstance(cause, Failure) else cause.delay
    return {
        LAST_ERROR_CODE: getattr(cause, "code", "later"),
        RETRY_AFTER_SECONDS: wait.total_seconds() if wait else 0,
    }


def on_exhausted(session: Session, post: Post, failure: Failure) -> None:
    """The end of patience. What may be published at the platform is unknown, not failed."""
    if post.state in FINAL_STATES:
        return
    was_killed = post.state == PostState.SENDING and failure.code == OUT_OF_ATTEMPTS
    may_be_running = was_killed and post.sent_by == SentBy.PLATFORM
    is_unknown = may_be_running or post.state in {PostState.PROCESSING, PostState.UNCONFIRMED}
    message = f"{failure.code}: {failure.message}" if is_unknown else failure.message
    code = "outcome_unknown" if is_unknown else public_error_code(failure, post.provider)
    end_one_post(session, post, PostState.FAILED, code, message)


def public_error_code(failure: Failure, provider: str) -> str:
    """As people and programs know it; an exception of ours without a code is our fault."""
    if failure.code in PLATFORM_UNAVAILABLE_CODES:
        return f"{provider}_unavailable"
    return (
        "upload_failed"
        if failure.code[:1].isupper() or failure.code in INTERNAL_CODES
        else failure.code
    )


RETRY_POLICY = RetryPolicy(
    seconds(2, 5, 10, 30, 60) + minutes(2, 5, 10, 15, 30, 60, 60, 60, 120, 240, 480)
)

PUBLISH_JOB: JobType[Post, StepValue, StepValue] = JobType(
    kind="posts",
    wake_kind="posts",
    queue=POST_QUEUE,
    prepare=prepare_step,
    execute=execute_step,
    record=record_step,
    on_exhausted=on_exhausted,
    on_retry=on_retry,
    policy=RETRY_POLICY,
    lease=timedelta(seconds=90),
    batch_size=64,
    pool_size=32,
    preload=preload_accounts,
    record_many=record_many,
)

UPLOAD_JOB: JobType[Post, StepValue, StepValue] = JobType(
    kind="uploads",
    wake_kind="uploads",
    queue=UPLOAD_QUEUE,
    prepare=prepare_step,
    execute=execute_step,
    record=record_step,
    on_exhausted=on_exhausted,
    on_retry=on_retry,
    policy=RETRY_POLICY,
    lease=timedelta(seconds=330),
    batch_size=1,
)
