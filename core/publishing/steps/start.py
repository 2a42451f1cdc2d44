"""A start that the platform has taken, written down: under which id, and where the bytes go."""

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
from core.publishing import preflight
from core.publishing.preflight import LIVE_MODE, AccessTokenRefused
from db.media.files import MediaFiles
from db.posts.posts import Post, SentBy
from db.posts.tiktok_posts import TikTokPosts
from db.posts.timeline import PostEvents
from db.posts.upload_sessions import UploadSessions
from db.session import Session
from platforms.base import Phase, StartResult
from platforms.errors import PlatformError, RateLimited, ServerBusy, TokenExpired, Unavailable

DEFAULT_URL_LIFETIME = timedelta(hours=1)  # of an upload address whose platform says nothing of it


@dataclass(frozen=True)
class StartAccepted:
    started: StartResult
    encrypted_upload_url: str | None  # sealed


def record_start(changes: ChangeSet, post: Post, outcome: StartAccepted) -> Reschedule:
    started = outcome.started
    post.publish_id, post.chunk_size, post.memo = started.publish_id, started.chunk_size, {}
    changes.add_event(post, "started", note=started.publish_id)
    TikTokPosts(changes.session).create(post)
    if post.sent_by == SentBy.PLATFORM:
        post.step = Phase.PROCESSING
        move_post(changes, post, PostState.PROCESSING, note="the platform fetches the file")
        return Reschedule(FIRST_POLL_DELAYS[0])
    post.step = Phase.RECEIVING
    open_upload_session(changes, post, outcome)
    return Reschedule(IMMEDIATELY if post.sent_by == SentBy.SIGNALPOST else FIRST_POLL_DELAYS[0])


def open_upload_session(changes: ChangeSet, post: Post, outcome: StartAccepted) -> None:
    started, media = outcome.started, MediaFiles(changes.session).get(post.media_id)
    post.url_expires_at = changes.at + (started.upload_lifetime or DEFAULT_URL_LIFETIME)
    UploadSessions(changes.session).create(
        post.id,
        upload_url_encrypted=outcome.encrypted_upload_url,
        url_expires_at=post.url_expires_at,
        size=post.bytes_total,
        sha256=media and media.sha256,
        chunk_size=started.chunk_size,
        total_chunk_count=started.chunk_count,
    )


# MERGED core.posts.start: Tell the platform that something comes. Unsafe, so sent only once.
#
# Killed or unanswered here: bytes with us → nothing can be published yet, so start again; a pull
# may already run at the platform → UNCONFIRMED, and only `reconcile` leads out. That is why a pull
# is agreed on before, in a claim of its own (`consult`), and here nothing else is asked.

UNCONFIRMED_POLL_DELAY = timedelta(seconds=2)


@dataclass(frozen=True)
class StartJob:
    preflight_job: preflight.PreflightJob
    url_context: EncryptionContext
    is_pull: bool


@dataclass(frozen=True)
class StartUnanswered:
    """The call may have had its effect, but no answer came."""

    code: str


@dataclass(frozen=True)
class DryRun:
    """This installation is told to send nothing."""


StartOutcome = StartAccepted | StartUnanswered | AccessTokenRefused | DryRun


def prepare(session: Session, post: Post) -> StartJob:
    is_awaited = INLINE in post.memo and post.attempts <= 1
    if post.sent_by == SentBy.CALLER and not is_awaited:
        raise OperationFailed("nobody waits for the upload address any more", code="timeout")
    is_pull = post.sent_by == SentBy.PLATFORM
    if is_pull:
        preflight.consume_preflight(session, post)
    preflight_job = preflight.prepare(session, post)
    move_one_post(session, post, PostState.SENDING, note="start")
    post.started_at = PostEvents.now()
    return StartJob(
        preflight_job, upload_url_context(post.provider, post.id, post.user_id), is_pull
    )


def execute(job: StartJob, services: Services) -> StartOutcome:
    if services.settings.publish_mode != LIVE_MODE:
        return DryRun()
    wait = services.rate_limits.acquire(job.preflight_job.access.account_id, "init")
    if wait:
        raise LocalRateLimit(wait, "start limit of the platform")
    try:
        if not job.is_pull:
            preflight.run_preflight(job.preflight_job, services)
        return call_start(job, services)
    except TokenExpired:
        return AccessTokenRefused(job.preflight_job.access)
    except RateLimited as error:
        if error.code == RateLimited.code:  # others are quotas, which do not hold up every start
            services.rate_limits.block(
                job.preflight_job.access.account_id, "init", error.retry_after
            )
        raise


def call_start(job: StartJob, services: Services) -> StartAccepted | StartUnanswered:
    """The unsafe call. Whatever is not a clear refusal may have started a pull."""
    preflight_job = job.preflight_job
    publisher, token = (
        services.get_platform(preflight_job.provider).publisher,
        preflight_job.access.decrypt(services),
    )
    try:
        started = publisher.start(token, preflight_job.order)
    except Unavailable as error:
        if job.is_pull and error.may_have_arrived and not isinstance(error, ServerBusy):
            return StartUnanswered(error.code)
        raise
    except (PlatformError, Snooze):  # refused, or not sent at all: the circuit is open
        raise
    except Exception as error:
        if job.is_pull:
            return StartUnanswered(type(error).__name__)
        raise
    url = started.upload_url
    encrypted_url = None if url is None else services.key_ring.encrypt(url, job.url_context)
    return StartAccepted(started, encrypted_url)


def record(changes: ChangeSet, post: Post, outcome: StartOutcome) -> Reschedule:
    if isinstance(outcome, AccessTokenRefused):
        report_refused_token(
            changes.session, outcome.access
        )  # raises; `put_back` queues the post again
    if isinstance(outcome, DryRun):
        end_post(changes, post, PostState.CANCELLED, "dry_run")
        return Reschedule(None)
    if isinstance(outcome, StartUnanswered):
        post.memo = {}
        move_post(
            changes, post, PostState.UNCONFIRMED, note=f"no answer to the start: {outcome.code}"
        )
        return Reschedule(UNCONFIRMED_POLL_DELAY)
    return record_start(changes, post, outcome)


def on_retry(session: Session, post: Post) -> None:
    """Nothing reached the platform that could be published: the post waits as before."""
    if post.state == PostState.SENDING and post.publish_id is None:
        move_one_post(session, post, PostState.QUEUED, note="not started")
