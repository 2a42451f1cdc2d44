"""The table `pauses`: platforms and queues of which workers take nothing for now.

Who claims rows reads it in the claim itself, so a pause needs no restart and no message. It is
nearly always empty. `db.leases` has the conditions.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, one_of


class PauseKind(StrEnum):
    PLATFORM = "platform"
    QUEUE = "queue"


class Pause(Base):
    __tablename__ = "pauses"

    target: Mapped[str] = mapped_column(primary_key=True, comment="name of a platform or a queue")
    kind: Mapped[str] = mapped_column(comment="platform or queue")
    reason: Mapped[str] = mapped_column(comment="as the operator gave it")
    paused_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        one_of("kind", PauseKind),
        {"comment": "Platforms and queues of which workers take nothing for now"},
    )


class Pauses:
    def __init__(self, session: Session) -> None:
        self._session = session

    def list_all(self) -> Sequence[Pause]:
        """Return the pauses, the oldest first."""
        return self._session.scalars(select(Pause).order_by(Pause.paused_at, Pause.target)).all()

    def add(self, target: str, kind: PauseKind, reason: str) -> Pause | None:
        """Add a pause; None if there is one already, which stays as it is."""
        statement = insert(Pause).values(target=target, kind=kind, reason=reason)
        return self._session.scalar(statement.on_conflict_do_nothing().returning(Pause))

    def get(self, target: str) -> Pause | None:
        return self._session.get(Pause, target)

    def delete(self, target: str) -> bool:
        """End a pause; return whether there was one."""
        statement = delete(Pause).where(Pause.target == target).returning(Pause.target)
        return self._session.scalar(statement) is not None
