"""Reads posts for their owners: one post, lists, timelines and upload progress. The current
status is polled from the platform if the last report is too old.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from core.accounts.tokens import get_or_refresh_token
from core.bootstrap import Services
from core.errors import CoreError, NotFound, OperationFailed, RateLimitExceeded
from core.jobs.runner import run_jobs
from core.post_state.settle import FINAL_STATES, PostState
from core.post_state.step_state import LAST_ERROR_CODE, RETRY_AFTER_SECONDS
from core.publishing.job_types import PUBLISH_JOB_TYPE
from core.publishing.post_results import find_external_id
from core.publishing.posting_choices import load_posting_choices
from core.publishing.resolve import check_scopes
from core.publishing.targets import select_account
from db.posts.exchanges import PostExchange, PostExchanges
from db.posts.parts import PostPart, PostParts
from db.posts.posts import Post, Posts
from db.posts.timeline import PostEvent, PostEvents
from db.publishing.post_filter import PostFilter
from db.publishing.queries import PostQueries, PostStats
from db.records.post_records import find_post_record, was_record_updated_within
from db.session import Database, Session
from platforms.chunks import plan_chunks
from platforms.errors import PlatformError
from platforms.publishing import Capability
from platforms.registry import PLATFORMS


@dataclass(frozen=True)
class PostView:
    """A post with what the platform reported about it, its timeline and its media items.

    `destination_external_id` is the platform's id of the account that is posted to.
    """

    post: Post
    record: Any  # a `PostRecord`, or None
    events: Sequence[PostEvent] = ()
    parts: Sequence[PostPart] = ()
    destination_external_id: str | None = None


@dataclass(frozen=True)
class PostPage:
    """A page of posts; `next_before` is the `before` of the next page, None on the last one."""

    posts: Sequence[PostView]
    next_before: int | None


def get_post(
    database: Database, post_id: int, *, user_id: int, provider: str | None = None
) -> PostView:
    """The post with everything that is known of it.

    Errors: NotFound, also if it is of another platform than `provider`.
    """
    with database.transaction() as session:
        post = load_own_post(session, post_id, user_id=user_id)
        if provider not in {None, post.provider}:
            raise NotFound(f"no post {post_id} of this user")
        return PostView(
            post,
            find_post_record(session, post.provider, post.id),
            PostEvents(session).list_for_post(post.id),
            PostParts(session).list_by_post(post.id) if has_items(post) else (),
            find_external_id(session, post),
        )


def has_items(post: Post) -> bool:
    """Whether the media items of the post are rows, and not fields that its platform stores."""
    return PLATFORMS[post.provider].build_stored_fields is None


def get_timeline(
    database: Database, post_id: int, *, user_id: int, after: int = 0
) -> Sequence[PostEvent]:
    """The post's events with a larger id than `after`, oldest first. Errors: NotFound."""
    with database.transaction() as session:
        load_own_post(session, post_id, user_id=user_id)
        return PostEvents(session).list_for_post(post_id, after=after)


def list_exchanges(
    database: Database, post_id: int, *, user_id: int, limit: int, before: int | None = None
) -> tuple[Sequence[PostExchange], int | None]:
    """A page of the calls of a post to its platform, newest first; the `before` of the next one.

    Errors: NotFound.
    """
    with database.transaction() as session:
        load_own_post(session, post_id, user_id=user_id)
        rows = PostExchanges(session).list_for_post(post_id, limit=limit + 1, before=before)
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def load_own_post(session: Session, post_id: int, *, user_id: int, lock: bool = False) -> Post:
    """This user's post; with `lock`, locked until the transaction ends. Errors: NotFound."""
    posts = Posts(session)
    if lock:
        post = posts.lock_for_user(post_id, user_id=user_id)
    else:
        post = posts.get_for_user(post_id, user_id=user_id)
    if post is None:
        raise NotFound(f"no post {post_id} of this user")
    return post


def list_posts(
    database: Database, filters: PostFilter, *, user_id: int, limit: int, before: int | None = None
) -> PostPage:
    """A page of the user's posts, newest first, those with a smaller id than `before`."""
    with database.transaction() as session:
        rows = PostQueries(session).page(
            with_platform_kinds(filters), user_id=user_id, limit=limit + 1, before=before
        )
        page = rows[:limit]
        ids = [post.id for post, _ in page if has_items(post)]
        parts = PostParts(session).list_by_posts(ids) if ids else {}
    next_before = rows[limit - 1][0].id if len(rows) > limit else None
    views = [PostView(post, record, parts=parts.get(post.id, ())) for post, record in page]
    return PostPage(views, next_before)


def with_platform_kinds(filters: PostFilter) -> PostFilter:
    """Name the kinds of the platform that is asked for: there is an index of kinds."""
    if filters.provider is None or filters.kinds:
        return filters
    return replace(filters, kinds=tuple(PLATFORMS[filters.provider].kinds))


def get_post_stats(
    database: Database, *, user_id: int, provider: str | None = None, account_id: int | None = None
) -> PostStats:
    """Count the user's posts by progress, on one platform or on all."""
    with database.transaction() as session:
        return PostQueries(session).stats(user_id=user_id, provider=provider, account_id=account_id)


def get_posting_choices(
    database: Database,
    services: Services,
    provider: str,
    *,
    user_id: int,
    account_id: int | None = None,
) -> Any:
    """What the account may choose right now, in the platform's own form.

    Errors: as `select_account` and `load_posting_choices`.
    """
    with database.transaction() as session:
        account = select_account(session, provider, account_id, user_id=user_id)
        check_scopes(services, account, Capability.PUBLISH)
    return load_posting_choices(database, services, account)


def get_current_status(
    database: Database, services: Services, provider: str, publish_id: str, *, user_id: int
) -> PostView:
    """The post of a publication; polls the platform first if the last report is too old.

    Errors: NotFound; NotConnected, NeedsReconnect, RateLimitExceeded, or why the poll failed, with
    the last known state in `details`.
    """
    with database.transaction() as session:
        view = find_publication(session, provider, publish_id, user_id=user_id)
        if is_recently_polled(session, services, view):
            return view
    try:
        return poll_and_reload(database, services, view, user_id=user_id)
    except (CoreError, PlatformError) as error:
        if isinstance(error, CoreError):
            error.details.setdefault("state", view.post.state)
        raise


def find_publication(session: Session, provider: str, publish_id: str, *, user_id: int) -> PostView:
    post = Posts(session).get_by_publish_id(publish_id, provider=provider, user_id=user_id)
    if post is None:
        raise NotFound(f"no publication {publish_id} of this user")
    return PostView(post, find_post_record(session, provider, post.id))


def is_recently_polled(session: Session, services: Services, view: PostView) -> bool:
    """Whether a poll is unnecessary: the post has ended, or the last report is recent."""
    if view.post.state in FINAL_STATES:
        return True
    lifetime = services.settings.limits.status_cache_lifetime
    return was_record_updated_within(session, view.post.provider, view.record, lifetime)


def poll_and_reload(
    database: Database, services: Services, view: PostView, *, user_id: int
) -> PostView:
    """Run the post's next step, which is a poll, now; return what is stored then.

    Errors: as `get_current_status`.
    """
    post_id = view.post.id
    get_or_refresh_token(database, services, view.post.oauth_account_id or 0)
    with database.transaction() as session:
        make_due(session, post_id)
    run_jobs(PUBLISH_JOB_TYPE, database, services, row_id=post_id)
    with database.transaction() as session:
        updated = find_publication(
            session, view.post.provider, str(view.post.publish_id), user_id=user_id
        )
    if updated.post.last_error is not None and updated.post.state not in FINAL_STATES:
        raise poll_error(updated.post)
    return updated


def make_due(session: Session, post_id: int) -> None:
    post = session.get_one(Post, post_id, with_for_update=True)
    if post.leased_until is None and post.state not in FINAL_STATES:
        post.due_at = Posts.now()


def poll_error(post: Post) -> CoreError:
    """Why the poll failed, from the post's last attempt."""
    code = str(post.step_state.get(LAST_ERROR_CODE, "status_query_failed"))
    error_class = RateLimitExceeded if code == RateLimitExceeded.code else OperationFailed
    wait = timedelta(seconds=float(post.step_state.get(RETRY_AFTER_SECONDS, 0)))
    return error_class("the platform did not report a status", code=code, retry_after=wait or None)


@dataclass(frozen=True)
class UploadProgress:
    """`chunk` counts the chunks sent; speed and remaining time are None unless an upload is
    running.
    """

    bytes_sent: int
    bytes_total: int | None
    chunk: int
    total_chunks: int | None
    bytes_per_second: int | None = None
    eta_seconds: int | None = None


def upload_progress(post: Post, *, now: datetime) -> UploadProgress:
    total, sent = post.bytes_total, post.bytes_sent
    if total is None:
        return UploadProgress(bytes_sent=sent, bytes_total=None, chunk=0, total_chunks=None)
    chunk_plan = plan_chunks(total)
    if sent == total:
        sent_chunks = chunk_plan.count
    else:  # the last chunk is larger than the others
        sent_chunks = min(sent // chunk_plan.chunk_size, chunk_plan.count - 1)
    speed = upload_speed(post, now)
    return UploadProgress(
        bytes_sent=sent,
        bytes_total=total,
        chunk=sent_chunks,
        total_chunks=chunk_plan.count,
        bytes_per_second=speed,
        eta_seconds=ceil((total - sent) / speed) if speed else None,
    )


def upload_speed(post: Post, now: datetime) -> int | None:
    """Average bytes per second since the start; None unless an upload is running."""
    if post.state != PostState.SENDING or post.started_at is None or not post.bytes_sent:
        return None
    seconds = (now - post.started_at).total_seconds()
    return max(1, int(post.bytes_sent / seconds)) if seconds > 0 else None
