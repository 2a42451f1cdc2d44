"""Table `home_dismissals`: lines of the home page that their reader has hidden."""

from collections.abc import Collection

from sqlalchemy import ForeignKey, UniqueConstraint, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, CreatedAtColumn, IdColumn


class HomeDismissal(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "home_dismissals"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(comment="what was hidden, and the cause of it")

    __table_args__ = (
        UniqueConstraint("user_id", "subject"),
        {"comment": "Lines of the home page that their reader has hidden"},
    )


class HomeDismissals:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, user_id: int, subject: str) -> bool:
        """Hide a line. False if it was hidden before."""
        statement = (
            insert(HomeDismissal)
            .values(user_id=user_id, subject=subject)
            .on_conflict_do_nothing()
            .returning(HomeDismissal.id)
        )
        return self._session.scalar(statement) is not None

    def remove(self, user_id: int, subject: str) -> None:
        """Show a line again."""
        statement = delete(HomeDismissal).where(
            HomeDismissal.user_id == user_id, HomeDismissal.subject == subject
        )
        self._session.execute(statement, execution_options={"synchronize_session": False})

    def filter_hidden(self, user_id: int, subjects: Collection[str]) -> set[str]:
        """Return which of these lines the user has hidden."""
        if not subjects:
            return set()
        query = select(HomeDismissal.subject).where(
            HomeDismissal.user_id == user_id, HomeDismissal.subject.in_(subjects)
        )
        return set(self._session.scalars(query))
