"""Posts read back: one, many, their timelines, an account's quota. Changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.config.figures import MINUTE
from core.errors import NotFound
from core.posts.creators import Creator, creator
from core.posts.draft import chosen, permitted
from core.posts.quota import Quota, limits, quota
from core.posts.unaudited import users
from core.wiring import World
from db.postlist import PostList, Stats, Wanted
from db.posts import Post, Posts
from db.records import Records, TikTokPost
from db.session import Database
from db.slots import Slots
from db.timeline import PostEvent, PostEvents


@dataclass(frozen=True)
class Seen:
    """A post, what the platform knows of it, and what happened to it so far."""

    post: Post
    record: TikTokPost | None
    events: Sequence[PostEvent] = ()


@dataclass(frozen=True)
class Page:
    """`next_before` is the id to go on from, None at the end."""

    posts: Sequence[Seen]
    next_before: int | None


def look(database: Database, post_id: int, *, user_id: int) -> Seen:
    """Errors: NotFound."""
    with database.transaction() as session:
        post = Posts(session).owned(post_id, user_id=user_id)
        if post is None:
            raise NotFound("no such post")
        return Seen(post, Records(session).of(post.id), PostEvents(session).of(post.id))


def timeline(
    database: Database, post_id: int, *, user_id: int, after: int = 0
) -> Sequence[PostEvent]:
    """Errors: NotFound."""
    with database.transaction() as session:
        if Posts(session).owned(post_id, user_id=user_id) is None:
            raise NotFound("no such post")
        return PostEvents(session).of(post_id, after=after)


def listing(
    database: Database, wanted: Wanted, *, user_id: int, limit: int, before: int | None = None
) -> Page:
    """Newest first."""
    with database.transaction() as session:
        rows = PostList(session).page(wanted, user_id=user_id, limit=limit + 1, before=before)
    more = rows[limit - 1][0].id if len(rows) > limit else None
    return Page([Seen(post, record) for post, record in rows[:limit]], more)


def stats(database: Database, *, user_id: int, account_id: int | None = None) -> Stats:
    with database.transaction() as session:
        return PostList(session).stats(user_id=user_id, account_id=account_id)


@dataclass(frozen=True)
class Left:
    """What an account may still do: drafts, direct posts, starts per minute.

    `users`: accounts that may post directly in a day, of this whole application while its platform
    has not audited it; None afterwards.
    """

    drafts: Quota
    direct: Quota
    starts: Quota
    now: datetime
    users: Quota | None = None


def left(database: Database, world: World, *, user_id: int, account_id: int | None = None) -> Left:
    """Errors: NotConnected, NotFound, Invalid."""
    figures = world.settings.limits
    with database.transaction() as session:
        account = chosen(session, account_id, user_id=user_id)
        drafts, direct = (
            quota(session, account.id, mode, limit=limit) for mode, limit in limits(figures).items()
        )
        starts = Slots(session).started(account.id, within=MINUTE)
        few = None if world.settings.tiktok.app_audited else users(session)
    frees = starts.oldest and starts.oldest + MINUTE
    per_minute = Quota(starts.count, figures.tiktok_init_per_minute, frees)
    return Left(drafts, direct, per_minute, starts.now, few)


def creator_of(
    database: Database, world: World, *, user_id: int, account_id: int | None = None
) -> Creator:
    """Errors: as `chosen` and `creator`."""
    with database.transaction() as session:
        account = chosen(session, account_id, user_id=user_id)
        permitted(account, "DIRECT")
    return creator(database, world, account)
