"""Videos of one user as lists and sums. Reads only, and every look names the owner."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from db.nameless import IDS
from db.records import TikTokPost
from db.videos import NUMBERS, Video


class VideoList:
    def __init__(self, session: Session, *, user_id: int) -> None:
        self._session = session
        self._mine: ColumnElement[bool] = Video.user_id == user_id
        self._records_of_mine: ColumnElement[bool] = TikTokPost.user_id == user_id

    def one(self, video_id: str) -> Video | None:
        """By TikTok's id; of an account connected twice, the one seen last."""
        found = select(Video).where(self._mine, Video.video_id == video_id)
        return self._session.scalar(found.order_by(Video.counted_at.desc()).limit(1))

    def page(
        self, account_id: int | None, *, limit: int, before: int | None = None
    ) -> Sequence[Video]:
        """The newest first, those after the one of our id `before`."""
        wanted = [self._mine, *self._of(account_id)]
        if before is not None:
            last = select(Video.posted_at, Video.id).where(self._mine, Video.id == before)
            wanted.append(tuple_(Video.posted_at, Video.id) < last.scalar_subquery())
        found = select(Video).where(*wanted)
        newest = found.order_by(Video.posted_at.desc(), Video.id.desc()).limit(limit)
        return self._session.scalars(newest).all()

    def sums(self, account_id: int | None = None) -> dict[str, int | None]:
        """Of the last numbers told, and how many videos there are; None where none was told."""
        shown = (self._mine, *self._of(account_id), Video.missing_since.is_(None))
        columns = [func.sum(getattr(Video, name)).label(name) for name in NUMBERS]
        row = self._session.execute(select(func.count().label("videos"), *columns).where(*shown))
        return {name: None if n is None else int(n) for name, n in row.mappings().one().items()}

    def named(self, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Video]:
        """By account and TikTok's id."""
        if not wanted:
            return {}
        these = tuple_(Video.oauth_account_id, Video.video_id).in_(list(wanted))
        found = self._session.scalars(select(Video).where(self._mine, these))
        return {(video.oauth_account_id, video.video_id): video for video in found}

    def posts(self, videos: Sequence[Video]) -> Mapping[tuple[int, str], int]:
        """Which of them are posts of ours: account and TikTok's id → the post's."""
        if not videos:
            return {}
        record: Any = TikTokPost
        accounts = {video.oauth_account_id for video in videos}
        ids = func.jsonb_array_elements_text(record.details[IDS]).table_valued("value").lateral()
        found = (
            select(record.oauth_account_id, ids.c.value, record.ledger_id)
            .select_from(record)
            .join(ids, ids.c.value.in_([video.video_id for video in videos]))
            .where(
                self._records_of_mine,
                record.oauth_account_id.in_(accounts),
                record.details.has_key(IDS),
                record.ledger_id.is_not(None),
            )
        )
        return {(account, video): post for account, video, post in self._session.execute(found)}

    def _of(self, account_id: int | None) -> tuple[ColumnElement[bool], ...]:
        return () if account_id is None else (Video.oauth_account_id == account_id,)
