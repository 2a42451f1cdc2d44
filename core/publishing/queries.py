"""How far the bytes of a post are, and how long the rest may take. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.accounts.tokens import get_or_refresh_token
from core.bootstrap import Services
from core.config.limits import MINUTE
from core.errors import CoreError, NotFound, OperationFailed, RateLimitExceeded
from core.jobs.runner import run_jobs
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import LAST_ERROR_CODE, RETRY_AFTER_SECONDS
from core.publishing.job_types import PUBLISH_JOB
from core.publishing.preflight import CreatorInfo, load_creator
from core.publishing.quota import Quota, load_quota, load_user_quota, slot_limits
from core.publishing.resolve import check_scope, select_account
from db.posts.posts import Post, Posts
from db.posts.queries import PostFilter, PostQueries, PostStats
from db.posts.quota_slots import QuotaSlots
from db.posts.tiktok_posts import TikTokPost, TikTokPosts
from db.posts.timeline import PostEvent, PostEvents
from db.session import Database, Session
from platforms.chunks import plan_chunks
from platforms.errors import PlatformError


@dataclass(frozen=True)
class UploadProgress:
    """`chunk` is how many are there; speed and time are None unless bytes are on their way."""

    bytes_sent: int
    bytes_total: int | None
    chunk: int
    total_chunks: int | None
    bytes_per_second: int | None = None
    eta_seconds: int | None = None


def upload_progress(post: Post, *, now: datetime) -> UploadProgress:
    total, sent = post.bytes_total, post.bytes_sent
    if total is None:
        return UploadProgress(sent, None, 0, None)
    chunk_plan = plan_chunks(total)
    chunk = (
        chunk_plan.count
        if sent == total
        else min(sent // chunk_plan.chunk_size, chunk_plan.count - 1)
    )
    speed = upload_speed(post, now)
    seconds_left = -((sent - total) // speed) if speed else None
    return UploadProgress(sent, total, chunk, chunk_plan.count, speed, seconds_left)


def upload_speed(post: Post, now: datetime) -> int | None:
    """Bytes per second since the start; None unless some are there and some are missing."""
    if post.state != PostState.SENDING or post.started_at is None or not post.bytes_sent:
        return None
    seconds = (now - post.started_at).total_seconds()
    return max(1, int(post.bytes_sent / seconds)) if seconds > 0 else None


# MERGED core.posts.listing: Posts read back: one, many, their timelines, an account's quota. Changes nothing.


@dataclass(frozen=True)
class PostView:
    """A post, what the platform knows of it, and what happened to it so far."""

    post: Post
    record: TikTokPost | None
    events: Sequence[PostEvent] = ()


@dataclass(frozen=True)
class PostPage:
    """`next_before` is the id to go on from, None at the end."""

    posts: Sequence[PostView]
    next_before: int | None


def get_post(database: Database, post_id: int, *, user_id: int) -> PostView:
    """Errors: NotFound."""
    with database.transaction() as session:
        post = Posts(session).get_for_user(post_id, user_id=user_id)
        if post is None:
            raise NotFound("no such post")
        return PostView(
            post,
            TikTokPosts(session).get_by_post(post.id),
            PostEvents(session).list_for_post(post.id),
        )


def get_timeline(
    database: Database, post_id: int, *, user_id: int, after: int = 0
) -> Sequence[PostEvent]:
    """Errors: NotFound."""
    with database.transaction() as session:
        if Posts(session).get_for_user(post_id, user_id=user_id) is None:
            raise NotFound("no such post")
        return PostEvents(session).list_for_post(post_id, after=after)


def list_posts(
    database: Database, filters: PostFilter, *, user_id: int, limit: int, before: int | None = None
) -> PostPage:
    """Newest first."""
    with database.transaction() as session:
        rows = PostQueries(session).page(filters, user_id=user_id, limit=limit + 1, before=before)
    next_before = rows[limit - 1][0].id if len(rows) > limit else None
    return PostPage([PostView(post, record) for post, record in rows[:limit]], next_before)


def get_post_stats(database: Database, *, user_id: int, account_id: int | None = None) -> PostStats:
    with database.transaction() as session:
        return PostQueries(session).stats(user_id=user_id, account_id=account_id)


@dataclass(frozen=True)
class RemainingQuota:
    """What an account may still do: drafts, direct posts, starts per minute.

    `users`: accounts that may post directly in a day, of this whole application while its platform
    has not audited it; None afterwards.
    """

    drafts: Quota
    direct: Quota
    starts: Quota
    now: datetime
    users: Quota | None = None


def get_remaining_quota(
    database: Database, services: Services, *, user_id: int, account_id: int | None = None
) -> RemainingQuota:
    """Errors: NotConnected, NotFound, Invalid."""
    limits = services.settings.limits
    with database.transaction() as session:
        account = select_account(session, account_id, user_id=user_id)
        drafts, direct = (
            load_quota(session, account.id, mode, limit=limit)
            for mode, limit in slot_limits(limits).items()
        )
        starts = QuotaSlots(session).count_starts(account.id, within=MINUTE)
        user_quota = None if services.settings.tiktok.app_audited else load_user_quota(session)
    resets_at = starts.oldest and starts.oldest + MINUTE
    start_quota = Quota(starts.count, limits.tiktok_init_per_minute, resets_at)
    return RemainingQuota(drafts, direct, start_quota, starts.now, user_quota)


def get_creator(
    database: Database, services: Services, *, user_id: int, account_id: int | None = None
) -> CreatorInfo:
    """Errors: as `chosen` and `creator`."""
    with database.transaction() as session:
        account = select_account(session, account_id, user_id=user_id)
        check_scope(account, "DIRECT")
    return load_creator(database, services, account)


# MERGED core.posts.status: How a post stands, asked of the platform if what we know is not fresh enough.

TIKTOK = "tiktok"


def get_current_status(
    database: Database, services: Services, publish_id: str, *, user_id: int
) -> PostView:
    """Errors: NotFound; NotConnected, NeedsReconnect, Limited, or why the platform gave no answer,
    with the last known state in `details`.
    """
    with database.transaction() as session:
        view = find_publication(session, publish_id, user_id=user_id)
        if is_recently_polled(session, services, view):
            return view
    try:
        return poll_and_reload(database, services, view, user_id=user_id)
    except (CoreError, PlatformError) as error:
        if isinstance(error, CoreError):
            error.details.setdefault("state", view.post.state)
        raise


def find_publication(session: Session, publish_id: str, *, user_id: int) -> PostView:
    post = Posts(session).get_by_publish_id(publish_id, provider=TIKTOK, user_id=user_id)
    if post is None:
        raise NotFound("no such publication")
    return PostView(post, TikTokPosts(session).get_by_post(post.id))


def is_recently_polled(session: Session, services: Services, view: PostView) -> bool:
    """Ended for good, or heard of a moment ago."""
    if view.post.state in FINAL_STATES:
        return True
    return TikTokPosts(session).was_updated_within(
        view.record, services.settings.limits.status_cache_lifetime
    )


def poll_and_reload(
    database: Database, services: Services, view: PostView, *, user_id: int
) -> PostView:
    post_id, account_id = view.post.id, view.post.oauth_account_id or 0
    get_or_refresh_token(database, services, account_id)
    with database.transaction() as session:
        make_due(session, post_id)
    run_jobs(PUBLISH_JOB, database, services, row_id=post_id)
    with database.transaction() as session:
        updated = find_publication(session, str(view.post.publish_id), user_id=user_id)
    if updated.post.last_error is not None and updated.post.state not in FINAL_STATES:
        raise no_answer_error(updated.post)
    return updated


def make_due(session: Session, post_id: int) -> None:
    post = session.get_one(Post, post_id, with_for_update=True)
    if post.leased_until is None and post.state not in FINAL_STATES:
        post.due_at = Posts.now()


def no_answer_error(post: Post) -> CoreError:
    """Why the platform gave no answer, by what the post remembers of its last try."""
    code = str(post.memo.get(LAST_ERROR_CODE, "status_query_failed"))
    error_class = RateLimitExceeded if code == RateLimitExceeded.code else OperationFailed
    wait = timedelta(seconds=float(post.memo.get(RETRY_AFTER_SECONDS, 0)))
    return error_class("the platform gave no answer", code=code, retry_after=wait or None)
