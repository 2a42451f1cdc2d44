"""Mentions of connected Instagram accounts: an event names them, they are fetched later."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.comments.mentions import DueMention, FetchedMention, NewMention
from db.insights.items import SampledAccount
from db.records.instagram_tables import IgMention

FETCH_DELAYS = (timedelta(minutes=5), timedelta(hours=1), timedelta(hours=12))
"""Before each further attempt: Meta may show a mention only after a while."""


TABLE: Any = IgMention.__table__


class InstagramMentions:
    """The `MentionStore` of Instagram."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, mentions: Sequence[NewMention]) -> int:
        rows = [
            {
                "instagram_account_id": mention.destination_id,
                "media_ig_id": mention.item_id,
                "comment_ig_id": mention.comment_id or "",
                "due_at": func.now(),
            }
            for mention in dict.fromkeys(mentions)
        ]
        if not rows:
            return 0
        statement = insert(TABLE).values(rows).on_conflict_do_nothing().returning(TABLE.c.id)
        return len(self._session.execute(statement).all())

    def find_due(self, account: SampledAccount, *, until: datetime) -> DueMention | None:
        query = select(TABLE).where(
            TABLE.c.instagram_account_id == account.row_id, TABLE.c.due_at <= until
        )
        row = self._session.execute(
            query.order_by(TABLE.c.due_at, TABLE.c.id).limit(1)
        ).one_or_none()
        return (
            None if row is None else DueMention(row.id, row.media_ig_id, row.comment_ig_id or None)
        )

    def next_due_at(self, account: SampledAccount) -> datetime | None:
        query = select(func.min(TABLE.c.due_at))
        return self._session.scalar(query.where(TABLE.c.instagram_account_id == account.row_id))

    def record_fetched(self, mention_id: int, fetched: FetchedMention) -> None:
        self._update(
            mention_id,
            text=fetched.text,
            from_user=fetched.author_name,
            permalink=fetched.url,
            timestamp=fetched.written_at,
            fetched_at=func.now(),
            due_at=None,
        )

    def record_unreadable(self, mention_id: int) -> None:
        attempts = self._session.scalar(select(TABLE.c.attempts).where(TABLE.c.id == mention_id))
        delays = FETCH_DELAYS[attempts or 0 :]
        self._update(
            mention_id,
            attempts=TABLE.c.attempts + 1,
            due_at=func.now() + delays[0] if delays else None,
        )

    def postpone(self, account: SampledAccount, delay: timedelta) -> None:
        statement = update(TABLE).where(
            TABLE.c.instagram_account_id == account.row_id, TABLE.c.due_at < func.now() + delay
        )
        self._session.execute(statement.values(due_at=func.now() + delay))

    def _update(self, mention_id: int, **values: Any) -> None:
        self._session.execute(update(TABLE).where(TABLE.c.id == mention_id).values(values))
