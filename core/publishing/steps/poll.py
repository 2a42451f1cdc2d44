"""Step `poll`: fetch the publication's status and decide what follows: poll again, continue the
upload, start once more, or nothing.

A poll is safe and may be repeated, within the platform's rate limit per token; it is also how a
post continues after a failed attempt. A new start needs the platform's own report that nothing of
the old one exists; a missing response proves nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accounts.tokens import AccessToken, get_access_token, report_refused_token
from core.bootstrap import Services
from core.outcomes import IMMEDIATELY, Reschedule, Snooze
from core.post_state.changes import ChangeSet
from core.post_state.settle import DAY, FINAL_STATES, GIVE_UP_AFTER, PostState, next_poll_delay
from core.post_state.step_state import IS_OVERDUE, OFFSET_CONFIRMED, POLL_COUNT, UPLOAD_URL_ERROR
from core.post_state.transitions import (
    DRAFT_POLL_INTERVAL,
    POLL_SOURCE,
    apply_update,
    end_post,
    move_post,
)
from core.publishing.preflight import AccessTokenRefused
from core.publishing.step import Step
from db.posts.posts import Post, SentBy
from db.posts.tiktok_posts import TikTokPosts
from db.posts.upload_sessions import UploadSessions
from db.session import Session
from platforms.base import Phase, PublishProgress
from platforms.errors import RateLimited, Rejected, TokenExpired

MAX_DRAFT_AGE = timedelta(days=7)
MIN_VISIBLE_AGE = timedelta(seconds=60)  # a younger publish_id may not be visible yet
VISIBILITY_RETRY_DELAY = timedelta(seconds=3)


@dataclass(frozen=True)
class PollJob:
    access_token: AccessToken
    provider: str
    publish_id: str


@dataclass(frozen=True)
class PollResult:
    """`progress` is None if the platform does not know the publish_id."""

    progress: PublishProgress | None
    jitter: float


class PollStep(Step[PollJob, PollResult | AccessTokenRefused]):
    """Fetch the status of the publication."""

    def prepare(self, session: Session, post: Post) -> PollJob:
        access_token = get_access_token(session, post.oauth_account_id)
        return PollJob(access_token, post.provider, str(post.publish_id))

    def execute(self, job: PollJob, services: Services) -> PollResult | AccessTokenRefused:
        account_id = job.access_token.account_id
        wait = services.rate_limits.acquire(account_id, "status")
        if wait:
            raise Snooze(wait, "rate limit of status calls")
        token = job.access_token.decrypt(services)
        try:
            progress = services.get_adapter(job.provider).publisher.fetch_status(
                token, job.publish_id
            )
        except TokenExpired:
            return AccessTokenRefused(job.access_token)
        except RateLimited as error:
            services.rate_limits.block(account_id, "status", error.retry_after)
            raise
        except Rejected as error:
            if error.code != "invalid_publish_id":
                raise
            return PollResult(None, services.jitter())
        return PollResult(progress, services.jitter())

    def record(
        self, changes: ChangeSet, post: Post, outcome: PollResult | AccessTokenRefused
    ) -> Reschedule:
        if isinstance(outcome, AccessTokenRefused):
            report_refused_token(changes.session, outcome.access_token)  # always raises
        if outcome.progress is None:
            return handle_unknown_id(changes, post, jitter=outcome.jitter)
        apply_update(changes, post, outcome.progress, source=POLL_SOURCE)
        if post.state in FINAL_STATES:
            return poll_after_end(post, changes.at)
        if post.state == PostState.SENDING:
            has_no_bytes = outcome.progress.bytes_done == 0
            return resume_upload(changes, post, has_no_bytes=has_no_bytes, jitter=outcome.jitter)
        return poll_later(changes, post, jitter=outcome.jitter)


def poll_after_end(post: Post, at: datetime) -> Reschedule:
    """Keep polling a delivered draft for a week, because its creator may still post it."""
    is_draft = post.state == PostState.PUBLISHED and post.step == Phase.DELIVERED
    if is_draft and time_since_start(post, at) < MAX_DRAFT_AGE:
        return Reschedule(DRAFT_POLL_INTERVAL)
    return Reschedule(None)


def handle_unknown_id(changes: ChangeSet, post: Post, *, jitter: float) -> Reschedule:
    """The platform does not know the publish_id: restart the upload, unless the id is too young."""
    if post.state in FINAL_STATES:
        return Reschedule(None)
    if time_since_start(post, changes.at) < MIN_VISIBLE_AGE:
        return Reschedule(VISIBILITY_RETRY_DELAY, made_progress=False)
    is_our_upload = post.sent_by == SentBy.SIGNALPOST
    if is_our_upload and post.state in {PostState.SENDING, PostState.UNCONFIRMED}:
        return restart_post(changes, post)
    is_callers_upload = post.sent_by == SentBy.CALLER and post.state == PostState.SENDING
    if is_callers_upload and is_url_expired(post, changes.at):
        return fail_expired_upload(changes, post)
    return poll_later(changes, post, jitter=jitter)


def resume_upload(
    changes: ChangeSet, post: Post, *, has_no_bytes: bool, jitter: float
) -> Reschedule:
    """The platform waits for bytes: continue our upload at its offset, or wait for the caller's."""
    is_expired = is_url_expired(post, changes.at)
    if post.sent_by == SentBy.CALLER:
        if is_expired:
            return fail_expired_upload(changes, post)
        return poll_later(changes, post, jitter=jitter)
    if is_expired or UPLOAD_URL_ERROR in post.step_state:
        return restart_post(changes, post) if has_no_bytes else fail_expired_upload(changes, post)
    UploadSessions(changes.session).set_offset(post.id, post.bytes_sent)
    post.step_state = {**post.step_state, OFFSET_CONFIRMED: True}
    return Reschedule(IMMEDIATELY, made_progress=False)


def poll_later(changes: ChangeSet, post: Post, *, jitter: float) -> Reschedule:
    """Poll again, at growing intervals. Unconfirmed after a day; failed as unknown after three."""
    elapsed = time_since_start(post, changes.at)
    if elapsed >= GIVE_UP_AFTER:
        end_post(changes, post, PostState.FAILED, "outcome_unknown")
        return Reschedule(None)
    if elapsed >= DAY and post.state != PostState.UNCONFIRMED:
        # the note means "overdue"; kept, because stored timelines carry it
        move_post(changes, post, PostState.UNCONFIRMED, note="stale")
        post.step_state = {**post.step_state, IS_OVERDUE: True}
    poll_count = int(post.step_state.get(POLL_COUNT, 0))
    post.step_state = {**post.step_state, POLL_COUNT: poll_count + 1}
    return Reschedule(next_poll_delay(poll_count, elapsed, jitter=jitter))


def time_since_start(post: Post, at: datetime) -> timedelta:
    """Time since the start was sent; the request may be weeks older."""
    return at - (post.started_at or post.created_at)


def is_url_expired(post: Post, at: datetime) -> bool:
    return post.url_expires_at is not None and at >= post.url_expires_at


def fail_expired_upload(changes: ChangeSet, post: Post) -> Reschedule:
    """The upload URL has expired with bytes missing: an incomplete upload is never published."""
    end_post(changes, post, PostState.FAILED, "upload_url_expired")
    return Reschedule(None)


def restart_post(changes: ChangeSet, post: Post) -> Reschedule:
    """Start the same post again as a new publication. It keeps its quota slot."""
    changes.add_timeline_entry(post, "restart", note=f"{post.publish_id} is dead")
    TikTokPosts(changes.session).detach_failed(post)
    UploadSessions(changes.session).delete_for_posts([post.id])
    post.publish_id = post.step = post.url_expires_at = post.started_at = None
    post.bytes_sent = 0
    post.step_state = {}
    move_post(changes, post, PostState.QUEUED, note="the platform has nothing of it")
    return Reschedule(IMMEDIATELY)
