"""The table `drafts`: posts that are not sent yet, as their client has stored them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ForeignKey, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Json, TimestampColumns


class Draft(TimestampColumns, Base):
    __tablename__ = "drafts"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    draft_id: Mapped[UUID] = mapped_column(primary_key=True, comment="chosen by the client")
    title: Mapped[str] = mapped_column(server_default="", comment="what lists show of the draft")
    payload: Mapped[Json] = mapped_column(
        JSONB, comment="what the form holds; its form is the client's"
    )
    version: Mapped[int] = mapped_column(
        server_default="1", comment="counts the changes; the ETag of the draft"
    )

    __table_args__ = ({"comment": "Posts that are not sent yet"},)


class Drafts:
    """The drafts of one user."""

    def __init__(self, session: Session, user_id: int) -> None:
        self._session = session
        self._user_id = user_id

    def get(self, draft_id: UUID) -> Draft | None:
        return self._session.scalar(
            select(Draft).where(Draft.user_id == self._user_id, Draft.draft_id == draft_id),
            execution_options={"populate_existing": True},
        )

    def list(self, *, limit: int) -> Sequence[Draft]:
        """Return the drafts, the one that was changed last first."""
        query = select(Draft).where(Draft.user_id == self._user_id)
        return self._session.scalars(
            query.order_by(Draft.updated_at.desc(), Draft.draft_id).limit(limit)
        ).all()

    def count(self) -> int:
        query = select(func.count()).select_from(Draft).where(Draft.user_id == self._user_id)
        return self._session.scalar(query) or 0

    def add(self, draft_id: UUID, *, title: str, payload: Json) -> bool:
        """Insert a draft. False if there is one with this id."""
        statement = insert(Draft).values(
            user_id=self._user_id, draft_id=draft_id, title=title, payload=payload
        )
        added = statement.on_conflict_do_nothing().returning(Draft.version)
        return self._session.scalar(added) is not None

    def change(
        self, draft_id: UUID, version: int | None = None, *, title: str, payload: Json
    ) -> bool:
        """Store another content. False if there is no such draft, or not in this version."""
        conditions = [Draft.user_id == self._user_id, Draft.draft_id == draft_id]
        if version is not None:
            conditions.append(Draft.version == version)
        statement = (
            update(Draft)
            .where(*conditions)
            .values(title=title, payload=payload, version=Draft.version + 1)
            .returning(Draft.version)
        )
        changed = self._session.scalar(statement, execution_options={"synchronize_session": False})
        return changed is not None

    def delete(self, draft_id: UUID) -> bool:
        """Delete a draft. False if there is none with this id."""
        statement = delete(Draft).where(Draft.user_id == self._user_id, Draft.draft_id == draft_id)
        deleted = self._session.scalar(
            statement.returning(Draft.draft_id), execution_options={"synchronize_session": False}
        )
        return deleted is not None
