"""The table `data_deletion_requests`: requests to erase a person's data, and their progress."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, Text, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, IdColumn, TimestampColumns, one_of
from db.providers import PROVIDERS

RECEIVED, DONE = "received", "done"


class DataDeletion(IdColumn, TimestampColumns, Base):
    __tablename__ = "data_deletion_requests"

    code: Mapped[str] = mapped_column(
        unique=True, comment="code with which a person can query the status of the request"
    )
    provider: Mapped[str] = mapped_column(String(50))
    subject_ids: Mapped[list[str]] = mapped_column(
        ARRAY(Text()),
        server_default="{}",
        comment=(
            "the platform's ids: of the person first, then of their accounts; emptied at the end"
        ),
    )
    found: Mapped[bool] = mapped_column(
        server_default="false", comment="whether anything was stored of the person"
    )
    logins_erased: Mapped[bool] = mapped_column(
        server_default="false",
        comment="whether the logins are erased with all that belongs to them",
    )
    events_searched_to: Mapped[int] = mapped_column(
        server_default="0", comment="webhook events up to this id have been searched"
    )
    state: Mapped[str] = mapped_column(server_default=RECEIVED)
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("provider", PROVIDERS),
        one_of("state", (RECEIVED, DONE)),
        {"comment": "Requests to erase a person's data"},
    )


class DataDeletions:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, code: str, *, provider: str, person_id: str) -> DataDeletion | None:
        """Add a request; None if there is one with this code."""
        values = {"code": code, "provider": provider, "subject_ids": [person_id]}
        statement = insert(DataDeletion).values(**values).on_conflict_do_nothing()
        return self._session.scalars(statement.returning(DataDeletion)).one_or_none()

    def reopen(self, code: str, *, person_id: str) -> DataDeletion | None:
        """Begin a request that is done once more; None if it is not done."""
        statement = update(DataDeletion).where(
            DataDeletion.code == code, DataDeletion.state == DONE
        )
        values = {
            "subject_ids": [person_id],
            "logins_erased": False,
            "events_searched_to": 0,
            "completed_at": None,
        }
        return self._session.scalars(
            statement.values(state=RECEIVED, **values).returning(DataDeletion)
        ).one_or_none()

    def get_by_code(self, code: str) -> DataDeletion | None:
        return self._session.scalar(select(DataDeletion).where(DataDeletion.code == code))

    def lock_received(self, request_id: int) -> DataDeletion | None:
        """Lock a request that is not done; None if it is, or if another process erases now."""
        query = select(DataDeletion).where(
            DataDeletion.id == request_id, DataDeletion.state == RECEIVED
        )
        return self._session.scalar(
            query.with_for_update(skip_locked=True), execution_options={"populate_existing": True}
        )

    def list_unfinished(self, *, limit: int) -> Sequence[int]:
        """Return the ids of requests that are not done, oldest first."""
        query = select(DataDeletion.id).where(DataDeletion.state == RECEIVED)
        return self._session.scalars(query.order_by(DataDeletion.id).limit(limit)).all()

    def mark_done(self, request: DataDeletion) -> None:
        """Forget whom the request was about: their data are erased."""
        now: Any = func.now()
        request.state = DONE
        request.completed_at = now
        request.subject_ids = []
