"""The ledger of tries: when, how long, how it ended, and the vendor's own id of the call."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Index, Text, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import TypeEngine

from db.base import Base, Identified
from db.due import Due
from db.recordset import ROWS, given
from db.retention import prune
from db.storage import GROWING

LONGEST = 500  # characters of a message


class Attempt(Identified, Base):
    __tablename__ = "attempts"

    kind: Mapped[str]
    row_id: Mapped[int]
    number: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None] = mapped_column(comment="NULL: no answer was recorded")
    outcome: Mapped[str | None]
    code: Mapped[str | None]
    message: Mapped[str | None]
    log_id: Mapped[str | None] = mapped_column(comment="the platform's id of the call")

    __table_args__ = (
        Index("idx_attempts_row", "kind", "row_id", "id"),
        Index("idx_attempts_started", "started_at"),
        {"comment": "Every try of every due row", "postgresql_with": GROWING},
    )


Entry = tuple[str, str | None, str | None, str | None]
"""Outcome, code, message, and the platform's own id of the call."""

TEXTS = ("outcome", "code", "message", "log_id")
TYPES: dict[str, TypeEngine[Any]] = {"id": BigInteger(), **dict.fromkeys(TEXTS, Text())}


def row(number: int, entry: Entry) -> dict[str, Any]:
    """Texts may come from anywhere; of what Postgres cannot keep a mark remains."""
    told = (text and storable(text) for text in entry)
    return {"id": number, **dict(zip(TEXTS, told, strict=True))}


def storable(text: str) -> str:
    return text[:LONGEST].replace("\0", "?").encode(errors="replace").decode()


class Attempts:
    """Entries are opened at the claim, so that a try which killed its worker is seen as well."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, kind: str, rows: Sequence[Due]) -> dict[int, int]:
        """One entry per claimed row: row id to entry id."""
        if not rows:
            return {}
        values = [{"kind": kind, "row_id": row.id, "number": row.attempts} for row in rows]
        opened = insert(Attempt).returning(Attempt.row_id, Attempt.id)
        return {entry.row_id: entry.id for entry in self._session.execute(opened, values)}

    def close(self, entries: Mapping[int, Entry]) -> None:
        """How each of them ended, once."""
        if not entries:
            return
        told = given(TYPES)
        ended = update(Attempt).where(Attempt.id == told.c.id, Attempt.ended_at.is_(None))
        self._session.execute(
            ended.values(
                ended_at=func.clock_timestamp(),
                **{name: told.c[name] for name in TEXTS},
            ),
            {ROWS: [row(number, entry) for number, entry in entries.items()]},
            execution_options={"synchronize_session": False},
        )

    def of(self, kind: str, row_id: int) -> list[Attempt]:
        """All tries of one row, the first one first."""
        found = select(Attempt).where(Attempt.kind == kind, Attempt.row_id == row_id)
        return list(self._session.scalars(found.order_by(Attempt.id)))

    def prune(self, older_than: timedelta) -> int:
        return prune(self._session, Attempt.started_at, older_than=older_than).count
