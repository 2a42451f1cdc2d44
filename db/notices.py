"""What a user has to be told. One row per cause, not one per retry."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Created, Identified, Json
from db.recordset import ROWS, given
from db.retention import prune


class Notification(Identified, Created, Base):
    __tablename__ = "notifications"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    cause: Mapped[str] = mapped_column(comment="what makes it one notice and not two")
    payload: Mapped[Json] = mapped_column(JSONB, server_default="{}")
    read_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("user_id", "kind", "cause"),
        Index("idx_notifications_created", "created_at"),
        {"comment": "Notices for users"},
    )


def telling() -> Any:
    table: Any = Notification.__table__
    names = ("user_id", "kind", "cause", "payload")
    rows = given({name: table.c[name].type for name in names})
    told = insert(table).from_select(names, select(*(rows.c[name] for name in names)))
    return told.on_conflict_do_nothing()


TELLING = telling()


class Notifications:
    def __init__(self, session: Session) -> None:
        self._session = session

    def tell(self, user_id: int, kind: str, *, cause: str, **payload: Any) -> bool:
        """False if the user was told before; `payload` is JSON without secrets."""
        row = self.row(user_id, kind, cause=cause, **payload)
        told = insert(Notification).values(**row).on_conflict_do_nothing()
        return self._session.scalar(told.returning(Notification.id)) is not None

    @staticmethod
    def row(user_id: int, kind: str, *, cause: str, **payload: Any) -> dict[str, Any]:
        """One to be told with others."""
        return {"user_id": user_id, "kind": kind, "cause": cause, "payload": payload}

    def tell_all(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Those who were not told before, in one statement."""
        if rows:
            self._session.execute(TELLING, {ROWS: list(rows)})

    def of_user(
        self, user_id: int, *, unread: bool = False, limit: int = 25, before: int | None = None
    ) -> Sequence[Notification]:
        """The newest first; `before` is the id of the last one already seen."""
        found = select(Notification).where(Notification.user_id == user_id)
        if unread:
            found = found.where(Notification.read_at.is_(None))
        if before is not None:
            found = found.where(Notification.id < before)
        return self._session.scalars(found.order_by(Notification.id.desc()).limit(limit)).all()

    def unread(self, user_id: int) -> int:
        wanted = (Notification.user_id == user_id, Notification.read_at.is_(None))
        return self._session.scalar(select(func.count()).where(*wanted)) or 0

    def read(self, user_id: int, notification_id: int) -> bool:
        """False if there is none of that id. Reading twice keeps the first time."""
        mine = (Notification.user_id == user_id, Notification.id == notification_id)
        seen = func.coalesce(Notification.read_at, func.now())
        marked = update(Notification).where(*mine).values(read_at=seen)
        return self._session.scalar(marked.returning(Notification.id)) is not None

    def read_all(self, user_id: int) -> int:
        return self._mark(Notification.user_id == user_id)

    def settled(self, user_id: int, kinds: Sequence[str], *, subject: str) -> int:
        """What these notices asked for has been done: nobody needs to read them any more."""
        about = Notification.payload["subject"].as_string() == subject
        return self._mark(Notification.user_id == user_id, Notification.kind.in_(kinds), about)

    def forget(self, user_id: int, *, subject: str) -> int:
        """As if it had never been told: its subject is to be erased."""
        about = Notification.payload["subject"].as_string() == subject
        gone = delete(Notification).where(Notification.user_id == user_id, about)
        return len(self._session.execute(gone.returning(Notification.id)).all())

    def prune(self, older_than: timedelta) -> int:
        return prune(self._session, Notification.created_at, older_than=older_than).count

    def _mark(self, *wanted: Any) -> int:
        unread = Notification.read_at.is_(None)
        marked = update(Notification).where(unread, *wanted).values(read_at=func.now())
        return len(self._session.execute(marked.returning(Notification.id)).all())
