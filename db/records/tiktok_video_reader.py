"""TikTok's public videos as their owner sees them, and those that no post is matched with yet."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    exists,
    func,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from db.insights.items import NewestItem
from db.insights.videos import VIDEO_COUNT, VIDEO_METRICS, Video, VideoKey
from db.posts.posts import Post
from db.records.tiktok_posts import TikTokPost
from db.records.tiktok_projection import PUBLIC_IDS_KEY
from db.records.tiktok_videos import TikTokVideo

PUBLIC_IDS: Any = TikTokPost.details.op("->", return_type=JSONB())(
    literal_column(f"'{PUBLIC_IDS_KEY}'")
)
"""As in the index of these ids; with a parameter it would not be used."""

COLUMNS = tuple(getattr(TikTokVideo, field.name) for field in fields(Video))
NEWEST_FIRST = (TikTokVideo.posted_at.desc(), TikTokVideo.id.desc())


class TikTokVideoReader:
    """The `VideoReader` of TikTok."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, video_id: str, *, user_id: int) -> Video | None:
        query = owned_videos(user_id).where(TikTokVideo.video_id == video_id)
        newest = query.order_by(TikTokVideo.counted_at.desc()).limit(1)
        return next(iter(self._load(newest)), None)

    def list_page(
        self, account_id: int | None, *, user_id: int, limit: int, before: int | None
    ) -> Sequence[Video]:
        conditions = list(account_conditions(account_id))
        if before is not None:
            last_seen = select(TikTokVideo.posted_at, TikTokVideo.id).where(
                TikTokVideo.user_id == user_id, TikTokVideo.id == before
            )
            position = tuple_(TikTokVideo.posted_at, TikTokVideo.id)
            conditions.append(position < last_seen.scalar_subquery())
        query = owned_videos(user_id).where(*conditions)
        return self._load(query.order_by(*NEWEST_FIRST).limit(limit))

    def list_newest(
        self, account_id: int | None, *, user_id: int, limit: int
    ) -> Sequence[NewestItem]:
        query = owned_videos(user_id).where(*account_conditions(account_id))
        newest = query.order_by(*NEWEST_FIRST).limit(limit)
        rows = self._session.execute(
            newest.with_only_columns(TikTokVideo.id, TikTokVideo.posted_at)
        )
        return [NewestItem(*row) for row in rows]

    def sum_metrics(self, account_id: int | None, *, user_id: int) -> dict[str, int | None]:
        conditions = (
            TikTokVideo.user_id == user_id,
            *account_conditions(account_id),
            TikTokVideo.missing_since.is_(None),
        )
        columns = [func.sum(getattr(TikTokVideo, name)).label(name) for name in VIDEO_METRICS]
        row = self._session.execute(
            select(func.count().label(VIDEO_COUNT), *columns).where(*conditions)
        )
        return {
            name: None if total is None else int(total)
            for name, total in row.mappings().one().items()
        }

    def get_many(self, keys: Collection[VideoKey], *, user_id: int) -> dict[VideoKey, Video]:
        if not keys:
            return {}
        has_key = tuple_(TikTokVideo.oauth_account_id, TikTokVideo.video_id).in_(list(keys))
        return {video.key: video for video in self._load(owned_videos(user_id).where(has_key))}

    def map_to_posts(self, videos: Sequence[Video], *, user_id: int) -> Mapping[VideoKey, int]:
        if not videos:
            return {}
        tiktok_post: Any = TikTokPost
        accounts = {video.oauth_account_id for video in videos}
        video_ids = [video.video_id for video in videos]
        ids = func.unnest(array(video_ids, type_=Text)).table_valued("value").render_derived()
        found = (
            select(tiktok_post.user_id, tiktok_post.oauth_account_id, tiktok_post.post_id)
            .where(PUBLIC_IDS.has_key(ids.c.value))
            .offset(0)  # one search of this index for each id, whatever the planner estimates
            .lateral()
        )
        query = (
            select(found.c.oauth_account_id, ids.c.value, found.c.post_id)
            .join_from(ids, found, true())
            .where(
                found.c.user_id == user_id,
                found.c.oauth_account_id.in_(accounts),
                found.c.post_id.is_not(None),
            )
        )
        return {(account, video): post for account, video, post in self._session.execute(query)}

    def _load(self, query: Select[Any]) -> Sequence[Video]:
        return [Video(*row) for row in self._session.execute(query)]


def owned_videos(user_id: int) -> Select[Any]:
    query: Select[Any] = select(*COLUMNS).where(TikTokVideo.user_id == user_id)
    return query


def account_conditions(account_id: int | None) -> tuple[ColumnElement[bool], ...]:
    return () if account_id is None else (TikTokVideo.oauth_account_id == account_id,)


def list_unmatched_videos(
    session: Session, account_id: int | None, *, since: datetime, until: datetime
) -> Sequence[Video]:
    """Public videos of the account that appeared in this time and belong to none of our posts."""
    is_matched_tiktok_post = exists().where(
        TikTokPost.oauth_account_id == TikTokVideo.oauth_account_id,
        PUBLIC_IDS.has_key(TikTokVideo.video_id),
    )
    is_matched_post = exists().where(
        Post.oauth_account_id == TikTokVideo.oauth_account_id,
        Post.platform_post_id == TikTokVideo.video_id,
    )
    query = select(*COLUMNS).where(
        TikTokVideo.oauth_account_id == account_id,
        TikTokVideo.posted_at >= since,
        TikTokVideo.posted_at <= until,
        ~is_matched_tiktok_post,
        ~is_matched_post,
    )
    return [Video(*row) for row in session.execute(query.order_by(TikTokVideo.posted_at))]
