"""The table `notifications`: messages for a user, one row per cause and not one per retry."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, CreatedAtColumn, IdColumn, Json
from db.bulk import ROWS_PARAMETER, rows_table
from db.compiled_statements import CompiledStatement, StatementCall, execute_calls


class Notification(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "notifications"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    cause: Mapped[str] = mapped_column(
        comment="deduplication key: one notification per user, kind and cause"
    )
    payload: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    read_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("user_id", "kind", "cause"),
        Index("idx_notifications_created", "created_at"),
        Index("idx_notifications_user", "user_id", "id"),
        Index(
            "idx_notifications_unread", "user_id", "id", postgresql_where=text("read_at IS NULL")
        ),
        {"comment": "Notifications for users"},
    )


def build_insert_statement() -> Any:
    table: Any = Notification.__table__
    names = ("user_id", "kind", "cause", "payload")
    rows = rows_table({name: table.c[name].type for name in names})
    statement = insert(table).from_select(names, select(*(rows.c[name] for name in names)))
    return statement.on_conflict_do_nothing()


INSERT_STATEMENT = CompiledStatement(build_insert_statement(), name="insert_notifications")


class Notifications:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, user_id: int, kind: str, *, cause: str, **payload: Any) -> bool:
        """Add a notification. False if this cause has one already.

        `payload` is JSON without secrets.
        """
        row = self.new_row(user_id, kind, cause=cause, **payload)
        statement = insert(Notification).values(**row).on_conflict_do_nothing()
        return self._session.scalar(statement.returning(Notification.id)) is not None

    @staticmethod
    def new_row(user_id: int, kind: str, *, cause: str, **payload: Any) -> dict[str, Any]:
        """Return a row for `add_all`."""
        return {"user_id": user_id, "kind": kind, "cause": cause, "payload": payload}

    def add_all(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add the rows whose cause has no notification yet, in one statement."""
        execute_calls(self._session, self.insert_calls(rows))

    @staticmethod
    def insert_calls(rows: Sequence[Mapping[str, Any]]) -> list[StatementCall]:
        """What `add_all` executes: one statement, none if there are no rows."""
        return [StatementCall(INSERT_STATEMENT, {ROWS_PARAMETER: rows})] if rows else []

    def list_for_user(
        self,
        user_id: int,
        *,
        unread: bool = False,
        limit: int = 25,
        before: int | None = None,
        muted_kinds: Collection[str] = (),
    ) -> Sequence[Notification]:
        """Return a page, the newest first. `before` is the last id of the previous page."""
        query = select(Notification).where(Notification.user_id == user_id)
        if muted_kinds:
            query = query.where(Notification.kind.not_in(muted_kinds))
        if unread:
            query = query.where(Notification.read_at.is_(None))
        if before is not None:
            query = query.where(Notification.id < before)
        return self._session.scalars(query.order_by(Notification.id.desc()).limit(limit)).all()

    def count_unread(self, user_id: int) -> int:
        conditions = (Notification.user_id == user_id, Notification.read_at.is_(None))
        return self._session.scalar(select(func.count()).where(*conditions)) or 0

    def count_visible_unread(
        self, user_id: int, *, most: int, muted_kinds: Collection[str] = ()
    ) -> int:
        """Count the unread notifications that pages list, up to `most`."""
        conditions = [Notification.user_id == user_id, Notification.read_at.is_(None)]
        if muted_kinds:
            conditions.append(Notification.kind.not_in(muted_kinds))
        rows = select(Notification.id).where(*conditions).limit(most).subquery()
        return self._session.scalar(select(func.count()).select_from(rows)) or 0

    def mark_read(self, user_id: int, notification_id: int) -> bool:
        """Mark a notification as read; the first time stays. False if the user has no such one."""
        conditions = (Notification.user_id == user_id, Notification.id == notification_id)
        read_at = func.coalesce(Notification.read_at, func.now())
        statement = update(Notification).where(*conditions).values(read_at=read_at)
        return self._session.scalar(statement.returning(Notification.id)) is not None

    def mark_all_read(self, user_id: int) -> int:
        return self._mark_read(Notification.user_id == user_id)

    def resolve(self, user_id: int, kinds: Sequence[str], *, subject: str) -> int:
        """Mark notifications about a subject as read, because what they ask for has been done."""
        is_about_subject = Notification.payload["subject"].as_string() == subject
        return self._mark_read(
            Notification.user_id == user_id, Notification.kind.in_(kinds), is_about_subject
        )

    def _mark_read(self, *conditions: Any) -> int:
        unread = Notification.read_at.is_(None)
        statement = update(Notification).where(unread, *conditions).values(read_at=func.now())
        return len(self._session.execute(statement.returning(Notification.id)).all())
