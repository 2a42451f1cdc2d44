"""The outbox: one row per app event for host applications, numbered within its subject.

A message is written in the transaction of the change that it reports.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, CreatedAtColumn, IdColumn
from db.bulk import execute_with_rows, rows_table


class OutboxMessage(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "outbox"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(
        unique=True,
        comment="value of the header webhook-id: the same for every endpoint and attempt",
    )
    type: Mapped[str] = mapped_column(comment="event type, for example post.published")
    subject: Mapped[str] = mapped_column(comment="what the event is about, for example post:7")
    sequence: Mapped[int] = mapped_column(comment="number of the event among those of its subject")
    body: Mapped[str] = mapped_column(comment="JSON, exactly as it is signed and sent")

    __table_args__ = (
        Index("idx_outbox_user", "user_id"),
        Index("idx_outbox_created", "created_at"),
        {"comment": "App events for host applications", "postgresql_with": APPENDED_ROWS_STORAGE},
    )


class OutboxSequence(Base):
    __tablename__ = "outbox_sequences"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    subject: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(comment="sequence of the latest message")

    __table_args__ = (
        {"comment": "Latest sequence of each subject; kept when its messages are deleted"},
    )


@dataclass(frozen=True)
class OutboxSubject:
    user_id: int
    name: str


def build_counter_statement() -> Any:
    """Raise the last number of each subject. The rows are ordered, to avoid deadlocks."""
    table: Any = OutboxSequence.__table__
    rows = rows_table({"user_id": BigInteger(), "subject": Text(), "last": BigInteger()})
    columns = select(rows.c.user_id, rows.c.subject, rows.c.last)
    ordered = columns.order_by(rows.c.user_id, rows.c.subject)
    statement = postgresql.insert(table).from_select(["user_id", "subject", "last"], ordered)
    updated_columns = {"last": table.c.last + statement.excluded.last}
    return statement.on_conflict_do_update(
        index_elements=["user_id", "subject"], set_=updated_columns
    ).returning(table.c.user_id, table.c.subject, table.c.last)


COUNTER_STATEMENT = build_counter_statement()


class Outbox:
    def __init__(self, session: Session) -> None:
        self._session = session

    def next_sequence_numbers(self, subjects: Sequence[OutboxSubject]) -> list[int]:
        """Return the next number of each subject, in the order given; a subject may come twice.

        The numbers' rows stay locked, so other writers of these subjects wait for our commit.
        """
        counts = Counter(subjects)
        rows = [
            {"user_id": subject.user_id, "subject": subject.name, "last": count}
            for subject, count in counts.items()
        ]
        last_numbers = execute_with_rows(self._session, COUNTER_STATEMENT, rows).all()
        next_numbers = {
            OutboxSubject(user, name): number - counts[OutboxSubject(user, name)]
            for user, name, number in last_numbers
        }
        numbers = []
        for subject in subjects:
            next_numbers[subject] += 1
            numbers.append(next_numbers[subject])
        return numbers

    def add(self, messages: Sequence[dict[str, Any]]) -> list[int]:
        """Insert messages; return their ids in the order given."""
        statement = insert(OutboxMessage).returning(OutboxMessage.id, sort_by_parameter_order=True)
        return list(self._session.scalars(statement, list(messages)))
