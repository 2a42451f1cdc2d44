"""Read-only queries over the videos of one user: pages, sums, look-ups."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, tuple_
from sqlalchemy.orm import Session

from db.insights.videos import VIDEO_METRICS, Video
from db.posts.posts import Post
from db.posts.tiktok_posts import PUBLIC_IDS_KEY, TikTokPost


class VideoQueries:
    def __init__(self, session: Session, *, user_id: int) -> None:
        self._session = session
        self._owner_condition: ColumnElement[bool] = Video.user_id == user_id
        self._tiktok_post_owner_condition: ColumnElement[bool] = TikTokPost.user_id == user_id

    def get(self, video_id: str) -> Video | None:
        """Find a video by TikTok's id; if the account was connected twice, the newer row."""
        query = select(Video).where(self._owner_condition, Video.video_id == video_id)
        return self._session.scalar(query.order_by(Video.counted_at.desc()).limit(1))

    def page(
        self, account_id: int | None, *, limit: int, before: int | None = None
    ) -> Sequence[Video]:
        """Return a page of videos, newest first; `before` is our id of the last one seen."""
        conditions = [self._owner_condition, *self._account_conditions(account_id)]
        if before is not None:
            last_seen = select(Video.posted_at, Video.id).where(
                self._owner_condition, Video.id == before
            )
            conditions.append(tuple_(Video.posted_at, Video.id) < last_seen.scalar_subquery())
        query = select(Video).where(*conditions)
        newest = query.order_by(Video.posted_at.desc(), Video.id.desc()).limit(limit)
        return self._session.scalars(newest).all()

    def sum_metrics(self, account_id: int | None = None) -> dict[str, int | None]:
        """Sum the latest metrics and count the videos; a metric that no video has is None."""
        conditions = (
            self._owner_condition,
            *self._account_conditions(account_id),
            Video.missing_since.is_(None),
        )
        columns = [func.sum(getattr(Video, name)).label(name) for name in VIDEO_METRICS]
        row = self._session.execute(
            select(func.count().label("videos"), *columns).where(*conditions)
        )
        return {
            name: None if total is None else int(total)
            for name, total in row.mappings().one().items()
        }

    def get_many(self, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], Video]:
        """Find videos by account id and TikTok's id."""
        if not keys:
            return {}
        matches_key = tuple_(Video.oauth_account_id, Video.video_id).in_(list(keys))
        videos = self._session.scalars(select(Video).where(self._owner_condition, matches_key))
        return {(video.oauth_account_id, video.video_id): video for video in videos}

    def map_to_posts(self, videos: Sequence[Video]) -> Mapping[tuple[int, str], int]:
        """Return which videos are posts of ours: (account id, TikTok's id) → post id."""
        if not videos:
            return {}
        tiktok_post: Any = TikTokPost
        accounts = {video.oauth_account_id for video in videos}
        ids = (
            func.jsonb_array_elements_text(tiktok_post.details[PUBLIC_IDS_KEY])
            .table_valued("value")
            .lateral()
        )
        query = (
            select(tiktok_post.oauth_account_id, ids.c.value, tiktok_post.post_id)
            .select_from(tiktok_post)
            .join(ids, ids.c.value.in_([video.video_id for video in videos]))
            .where(
                self._tiktok_post_owner_condition,
                tiktok_post.oauth_account_id.in_(accounts),
                tiktok_post.details.has_key(PUBLIC_IDS_KEY),
                tiktok_post.post_id.is_not(None),
            )
        )
        return {(account, video): post for account, video, post in self._session.execute(query)}

    def _account_conditions(self, account_id: int | None) -> tuple[ColumnElement[bool], ...]:
        return () if account_id is None else (Video.oauth_account_id == account_id,)


def list_unmatched_videos(
    session: Session, account_id: int | None, *, since: datetime, until: datetime
) -> Sequence[Video]:
    """Public videos of the account that appeared in this time and belong to none of our posts."""
    is_matched_tiktok_post = exists().where(
        TikTokPost.oauth_account_id == Video.oauth_account_id,
        TikTokPost.details[PUBLIC_IDS_KEY].has_key(Video.video_id),
    )
    is_matched_post = exists().where(
        Post.oauth_account_id == Video.oauth_account_id, Post.platform_post_id == Video.video_id
    )
    query = select(Video).where(
        Video.oauth_account_id == account_id,
        Video.posted_at >= since,
        Video.posted_at <= until,
        ~is_matched_tiktok_post,
        ~is_matched_post,
    )
    return session.scalars(query.order_by(Video.posted_at)).all()
