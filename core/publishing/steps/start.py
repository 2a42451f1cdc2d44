"""Step `start`: announce the post to the platform, and record the publish_id and the upload URL.

The start is unsafe, so it is sent once. If the worker is killed or gets no response here, it
depends on who sends the bytes. If we do, nothing can be published yet, and the start is repeated.
A pull may be running at the platform already, so the post becomes UNCONFIRMED and only `reconcile`
continues it. That is why the preflight of a pull has a separate claim, and why the start of a pull
makes no other call.
"""

from dataclasses import dataclass
from datetime import timedelta

from core.accounts.tokens import report_refused_token
from core.bootstrap import Services
from core.crypto import EncryptionContext, upload_url_context
from core.errors import OperationFailed
from core.outcomes import IMMEDIATELY, LocalRateLimit, Reschedule, Snooze
from core.post_state.changes import ChangeSet
from core.post_state.settle import FIRST_POLL_DELAYS, PostState
from core.post_state.step_state import INLINE
from core.post_state.transitions import end_post, move_one_post, move_post
from core.publishing.preflight import (
    LIVE_MODE,
    AccessTokenRefused,
    PreflightJob,
    consume_preflight,
    prepare_preflight,
    run_preflight,
)
from core.publishing.step import Step
from db.media.files import MediaFiles
from db.posts.posts import Post, SentBy
from db.posts.tiktok_posts import TikTokPosts
from db.posts.timeline import PostEvents
from db.posts.upload_sessions import UploadSessions
from db.session import Session
from platforms.base import Phase, StartResult
from platforms.errors import PlatformError, RateLimited, ServerBusy, TokenExpired, Unavailable

UNCONFIRMED_POLL_DELAY = timedelta(seconds=2)
DEFAULT_URL_LIFETIME = timedelta(hours=1)  # of an upload URL without a lifetime from the platform


@dataclass(frozen=True)
class StartJob:
    preflight_job: PreflightJob
    url_context: EncryptionContext
    is_pull: bool


@dataclass(frozen=True)
class StartAccepted:
    """The platform accepted the start; the upload URL is encrypted, None for a pull."""

    started: StartResult
    encrypted_upload_url: str | None


@dataclass(frozen=True)
class StartUnanswered:
    """No response came, so the call may have had its effect; `code` is that of the error."""

    code: str


@dataclass(frozen=True)
class DryRun:
    """Nothing was sent, because this installation is not in live mode."""


StartOutcome = StartAccepted | StartUnanswered | AccessTokenRefused | DryRun


class StartStep(Step[StartJob, StartOutcome]):
    """Announce the post to the platform."""

    def prepare(self, session: Session, post: Post) -> StartJob:
        is_caller_waiting = INLINE in post.step_state and post.attempts <= 1
        if post.sent_by == SentBy.CALLER and not is_caller_waiting:
            raise OperationFailed("the request that needs the upload URL has ended", code="timeout")
        is_pull = post.sent_by == SentBy.PLATFORM
        if is_pull:
            consume_preflight(session, post)
        preflight_job = prepare_preflight(session, post)
        move_one_post(session, post, PostState.SENDING, note="start")
        post.started_at = PostEvents.now()
        return StartJob(
            preflight_job=preflight_job,
            url_context=upload_url_context(post.provider, post.id, post.user_id),
            is_pull=is_pull,
        )

    def execute(self, job: StartJob, services: Services) -> StartOutcome:
        if services.settings.publish_mode != LIVE_MODE:
            return DryRun()
        account_id = job.preflight_job.access_token.account_id
        wait = services.rate_limits.acquire(account_id, "init")
        if wait:
            raise LocalRateLimit(wait, "rate limit of starts")
        try:
            if not job.is_pull:
                run_preflight(job.preflight_job, services)
            return call_start(job, services)
        except TokenExpired:
            return AccessTokenRefused(job.preflight_job.access_token)
        except RateLimited as error:
            # other codes are quotas, which do not block all starts
            if error.code == RateLimited.code:
                services.rate_limits.block(account_id, "init", error.retry_after)
            raise

    def record(self, changes: ChangeSet, post: Post, outcome: StartOutcome) -> Reschedule:
        if isinstance(outcome, AccessTokenRefused):
            # always raises, and `PostJobType.on_retry` queues the post again
            report_refused_token(changes.session, outcome.access_token)
        if isinstance(outcome, DryRun):
            end_post(changes, post, PostState.CANCELLED, "dry_run")
            return Reschedule(None)
        if isinstance(outcome, StartUnanswered):
            post.step_state = {}
            move_post(
                changes, post, PostState.UNCONFIRMED, note=f"no answer to the start: {outcome.code}"
            )
            return Reschedule(UNCONFIRMED_POLL_DELAY)
        return record_start(changes, post, outcome)


def call_start(job: StartJob, services: Services) -> StartAccepted | StartUnanswered:
    """Send the unsafe call. After anything but a clear refusal a pull may have started."""
    publisher = services.get_adapter(job.preflight_job.provider).publisher
    token = job.preflight_job.access_token.decrypt(services)
    try:
        started = publisher.start(token, job.preflight_job.publish_request)
    except Unavailable as error:
        if job.is_pull and error.may_have_arrived and not isinstance(error, ServerBusy):
            return StartUnanswered(error.code)
        raise
    except (PlatformError, Snooze):  # refused, or not sent at all: the circuit breaker is open
        raise
    except Exception as error:
        if job.is_pull:
            return StartUnanswered(type(error).__name__)
        raise
    url = started.upload_url
    encrypted_url = None if url is None else services.key_ring.encrypt(url, job.url_context)
    return StartAccepted(started, encrypted_url)


def record_start(changes: ChangeSet, post: Post, outcome: StartAccepted) -> Reschedule:
    started = outcome.started
    post.publish_id = started.publish_id
    post.chunk_size = started.chunk_size
    post.step_state = {}
    changes.add_timeline_entry(post, "started", note=started.publish_id)
    TikTokPosts(changes.session).create(post)
    if post.sent_by == SentBy.PLATFORM:
        post.step = Phase.PROCESSING
        move_post(changes, post, PostState.PROCESSING, note="the platform fetches the file")
        return Reschedule(FIRST_POLL_DELAYS[0])
    post.step = Phase.RECEIVING
    open_upload_session(changes, post, outcome)
    return Reschedule(IMMEDIATELY if post.sent_by == SentBy.SIGNALPOST else FIRST_POLL_DELAYS[0])


def open_upload_session(changes: ChangeSet, post: Post, outcome: StartAccepted) -> None:
    started = outcome.started
    media = MediaFiles(changes.session).get(post.media_id)
    post.url_expires_at = changes.at + (started.upload_lifetime or DEFAULT_URL_LIFETIME)
    UploadSessions(changes.session).create(
        post.id,
        upload_url_encrypted=outcome.encrypted_upload_url,
        url_expires_at=post.url_expires_at,
        size=post.bytes_total,
        sha256=media.sha256 if media else None,
        chunk_size=started.chunk_size,
        total_chunk_count=started.chunk_count,
    )


def requeue_unsent_start(session: Session, post: Post) -> None:
    """Queue the post again: nothing that could be published has reached the platform."""
    if post.state == PostState.SENDING and post.publish_id is None:
        move_one_post(session, post, PostState.QUEUED, note="not started")
