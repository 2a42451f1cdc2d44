"""What host applications are to be told: one row per message, numbered within its subject.

Written with the change it tells of, or not at all.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Text, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import Base, Created, Identified
from db.recordset import ROWS, given
from db.storage import GROWING


class Message(Identified, Created, Base):
    __tablename__ = "outbox"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(
        unique=True, comment="webhook-id: the same at every try, to whomever"
    )
    type: Mapped[str] = mapped_column(comment="as in post.published")
    subject: Mapped[str] = mapped_column(comment="as in post:7")
    sequence: Mapped[int] = mapped_column(comment="counts what its subject has had")
    body: Mapped[str] = mapped_column(comment="JSON, byte for byte as it is signed")

    __table_args__ = (
        Index("idx_outbox_user", "user_id"),
        Index("idx_outbox_created", "created_at"),
        {"comment": "What host applications are told", "postgresql_with": GROWING},
    )


class Numbering(Base):
    __tablename__ = "outbox_sequences"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    subject: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(comment="number of its last message")

    __table_args__ = ({"comment": "How much was told of each subject; outlives the messages"},)


@dataclass(frozen=True)
class Subject:
    user_id: int
    name: str


def counting() -> Any:
    """Adds to each subject's number; always in one order, so that nobody waits in a circle."""
    table: Any = Numbering.__table__
    rows = given({"user_id": BigInteger(), "subject": Text(), "last": BigInteger()})
    wanted = select(rows.c.user_id, rows.c.subject, rows.c.last)
    ordered = wanted.order_by(rows.c.user_id, rows.c.subject)
    counted = upsert(table).from_select(["user_id", "subject", "last"], ordered)
    added = {"last": table.c.last + counted.excluded.last}
    return counted.on_conflict_do_update(
        index_elements=["user_id", "subject"], set_=added
    ).returning(table.c.user_id, table.c.subject, table.c.last)


COUNTING = counting()


class Outbox:
    def __init__(self, session: Session) -> None:
        self._session = session

    def numbers(self, subjects: Sequence[Subject]) -> list[int]:
        """The next number of each, in the order given; a subject may come more than once.

        Whoever else tells of one of these subjects waits until this transaction ends.
        """
        wanted = Counter(subjects)
        rows = [
            {"user_id": each.user_id, "subject": each.name, "last": count}
            for each, count in wanted.items()
        ]
        last = self._session.execute(COUNTING, {ROWS: rows}).all()
        free = {
            Subject(user, name): number - wanted[Subject(user, name)] for user, name, number in last
        }
        found = []
        for each in subjects:
            free[each] += 1
            found.append(free[each])
        return found

    def add(self, messages: Sequence[dict[str, Any]]) -> list[int]:
        """Their ids, in the order given."""
        added = insert(Message).returning(Message.id, sort_by_parameter_order=True)
        return list(self._session.scalars(added, list(messages)))
