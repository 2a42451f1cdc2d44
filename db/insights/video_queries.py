"""Videos of one user as lists and sums. Reads only, and every look names the owner."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from db.insights.videos import VIDEO_METRICS, Video
from db.posts.reconciliation import PUBLIC_IDS_KEY
from db.posts.tiktok_posts import TikTokPost


class VideoQueries:
    def __init__(self, session: Session, *, user_id: int) -> None:
        self._session = session
        self._owner_condition: ColumnElement[bool] = Video.user_id == user_id
        self._record_owner_condition: ColumnElement[bool] = TikTokPost.user_id == user_id

    def get(self, video_id: str) -> Video | None:
        """By TikTok's id; of an account connected twice, the one seen last."""
        query = select(Video).where(self._owner_condition, Video.video_id == video_id)
        return self._session.scalar(query.order_by(Video.counted_at.desc()).limit(1))

    def page(
        self, account_id: int | None, *, limit: int, before: int | None = None
    ) -> Sequence[Video]:
        """The newest first, those after the one of our id `before`."""
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
        """Of the last numbers told, and how many videos there are; None where none was told."""
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
        """By account and TikTok's id."""
        if not keys:
            return {}
        matches_key = tuple_(Video.oauth_account_id, Video.video_id).in_(list(keys))
        videos = self._session.scalars(select(Video).where(self._owner_condition, matches_key))
        return {(video.oauth_account_id, video.video_id): video for video in videos}

    def map_to_posts(self, videos: Sequence[Video]) -> Mapping[tuple[int, str], int]:
        """Which of them are posts of ours: account and TikTok's id → the post's."""
        if not videos:
            return {}
        record: Any = TikTokPost
        accounts = {video.oauth_account_id for video in videos}
        ids = (
            func.jsonb_array_elements_text(record.details[PUBLIC_IDS_KEY])
            .table_valued("value")
            .lateral()
        )
        query = (
            select(record.oauth_account_id, ids.c.value, record.ledger_id)
            .select_from(record)
            .join(ids, ids.c.value.in_([video.video_id for video in videos]))
            .where(
                self._record_owner_condition,
                record.oauth_account_id.in_(accounts),
                record.details.has_key(PUBLIC_IDS_KEY),
                record.ledger_id.is_not(None),
            )
        )
        return {(account, video): post for account, video, post in self._session.execute(query)}

    def _account_conditions(self, account_id: int | None) -> tuple[ColumnElement[bool], ...]:
        return () if account_id is None else (Video.oauth_account_id == account_id,)
