"""Calls to platforms that count against a limit, where Redis alone must not be trusted."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn
from db.retention import prune_rows


class Call(IdColumn, Base):
    __tablename__ = "calls"

    oauth_account_id: Mapped[int] = mapped_column(
        ForeignKey("oauth_accounts.id", ondelete="CASCADE")
    )
    endpoint: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        Index("idx_calls_account", "oauth_account_id", "endpoint", "at"),
        Index("idx_calls_at", "at"),
        {"comment": "Counted calls to platforms", "postgresql_with": APPENDED_ROWS_STORAGE},
    )


class Calls:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, account_id: int, endpoint: str) -> None:
        """Counted before the call, whatever becomes of it."""
        self._session.add(Call(oauth_account_id=account_id, endpoint=endpoint))
        self._session.flush()

    def count(self, account_id: int, endpoint: str, *, within: timedelta) -> int:
        """How many there were in the last `within`, by the database's clock."""
        recent = Call.at > func.clock_timestamp() - within
        mine = (Call.oauth_account_id == account_id, Call.endpoint == endpoint, recent)
        return self._session.scalar(select(func.count()).select_from(Call).where(*mine)) or 0

    def prune(self, older_than: timedelta) -> int:
        return prune_rows(self._session, Call.at, older_than=older_than).count
