"""Moves a queued post to another time, together with those of its group that are due with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.bootstrap import Services
from core.errors import CoreError
from core.publishing.edit import TIME_ONLY, PostChanges, edit_locked_post
from core.publishing.forecast import ForecastPost, QuotaForecast, forecast_post
from core.publishing.queries import load_own_post
from core.publishing.targets import PostTarget, find_target
from db.posts.parts import PostParts
from db.posts.posts import Post
from db.publishing.calendar_posts import CalendarPosts
from db.session import Database, Session
from platforms.registry import PLATFORMS


@dataclass(frozen=True)
class MovablePost:
    """A post that is to be moved, where it goes and how many parts it has."""

    post: Post
    target: PostTarget | None
    part_count: int


def list_posts_to_move(
    database: Database, post_id: int, *, user_id: int
) -> tuple[MovablePost, ...]:
    """Return the post and the queued ones of its group with the same time. Errors: NotFound."""
    with database.transaction() as session:
        posts = load_posts_to_move(session, post_id, user_id=user_id)
        return tuple(
            MovablePost(
                post,
                find_post_target(session, post),
                max(1, len(PostParts(session).list_by_post(post.id))),
            )
            for post in posts
        )


def load_posts_to_move(session: Session, post_id: int, *, user_id: int) -> Sequence[Post]:
    """The post comes first. Errors: NotFound."""
    post = load_own_post(session, post_id, user_id=user_id)
    if post.group_id is None:
        return [post]
    return [post, *CalendarPosts(session).list_moving_with(post)]


def find_post_target(session: Session, post: Post) -> PostTarget | None:
    """Return the account of a stored post; None if it is not connected any more."""
    try:
        return find_target(
            session,
            post.provider,
            user_id=post.user_id,
            account_id=post.oauth_account_id,
            destination_id=post.destination_id,
        )
    except CoreError:
        return None


def forecast_move(
    database: Database, services: Services, movable: Sequence[MovablePost], at: datetime
) -> tuple[QuotaForecast, ...]:
    """Forecast the quotas of all posts at a new time; those of accounts that are still known."""
    forecasts: list[QuotaForecast] = []
    for item in movable:
        if item.target is None:
            continue
        post = ForecastPost(
            user_id=item.post.user_id,
            target=item.target,
            kind=PLATFORMS[item.post.provider].kinds[item.post.kind],
            at=at,
            parts=item.part_count,
            post_id=item.post.id,
        )
        forecasts += forecast_post(database, services, post)
    return tuple(forecasts)


def move_posts(
    database: Database,
    services: Services,
    post_id: int,
    publish_at: datetime,
    *,
    user_id: int,
) -> tuple[Post, ...]:
    """Give the post, and those that move with it, a new time: all of them or none.

    Errors: as `edit_post`.
    """
    changes = PostChanges(TIME_ONLY, publish_at)
    with database.transaction() as session:
        posts = load_posts_to_move(session, post_id, user_id=user_id)
        for each in sorted(post.id for post in posts):  # one order, so that two never deadlock
            edit_locked_post(session, services, each, changes, user_id=user_id)
        moved = load_moved_posts(session, [post.id for post in posts], user_id=user_id)
    services.wake("posts")
    return moved


def load_moved_posts(
    session: Session, post_ids: Sequence[int], *, user_id: int
) -> tuple[Post, ...]:
    return tuple(load_own_post(session, post_id, user_id=user_id) for post_id in post_ids)
