"""The table `attempts`: each attempt of each job, with times, outcome and the platform's log id."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Index, Text, func, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import TypeEngine

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn
from db.bulk import execute_with_rows, rows_table
from db.leases import JobColumns

FAILED_OUTCOMES = ("retry", "failed")
MAX_TEXT_LENGTH = 500  # characters of a message


class Attempt(IdColumn, Base):
    __tablename__ = "attempts"

    kind: Mapped[str]
    row_id: Mapped[int]
    number: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None] = mapped_column(comment="NULL: no result was recorded")
    outcome: Mapped[str | None]
    code: Mapped[str | None]
    message: Mapped[str | None]
    log_id: Mapped[str | None] = mapped_column(comment="the platform's log id of the call")

    __table_args__ = (
        Index("idx_attempts_row", "kind", "row_id", "id"),
        Index("idx_attempts_started", "started_at"),
        {
            "comment": "Log of job attempts, with times and outcomes",
            "postgresql_with": APPENDED_ROWS_STORAGE,
        },
    )


class AttemptResult(NamedTuple):
    """How an attempt ended: `done`, `retry`, `failed`, `later` or `fenced`, and why."""

    outcome: str
    code: str | None = None
    message: str | None = None
    log_id: str | None = None


STARTED_COLUMNS = ("kind", "row_id", "number")
RESULT_COLUMNS = AttemptResult._fields
RESULT_TYPES: dict[str, TypeEngine[Any]] = {
    "id": BigInteger(),
    **dict.fromkeys(RESULT_COLUMNS, Text()),
}


def result_row(attempt_id: int, result: AttemptResult) -> dict[str, Any]:
    """Build the row that `finish` writes. The texts may come from a platform's response."""
    texts = {
        column: None if text is None else storable_text(text)
        for column, text in result._asdict().items()
    }
    return {"id": attempt_id, **texts}


def storable_text(text: str) -> str:
    """Shorten a text, and replace what Postgres cannot store by question marks."""
    return text[:MAX_TEXT_LENGTH].replace("\0", "?").encode(errors="replace").decode()


class Attempts:
    """Attempts start when a row is claimed, so that one that kills its worker is seen as well."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(self, kind: str, rows: Sequence[JobColumns]) -> dict[int, int]:
        """Start an attempt of each claimed row. Returns row ids with attempt ids."""
        if not rows:
            return {}
        given = [{"kind": kind, "row_id": row.id, "number": row.attempts} for row in rows]
        started = execute_with_rows(self._session, start_statement(), given)
        return {attempt.row_id: attempt.id for attempt in started}

    def finish(self, results: Mapping[int, AttemptResult]) -> None:
        """Write how attempts ended, by attempt id. An attempt is finished only once."""
        if not results:
            return
        rows = [result_row(attempt_id, result) for attempt_id, result in results.items()]
        execute_with_rows(self._session, finish_statement(), rows)

    def list_failed(self, kinds: Sequence[str], row_id: int, *, limit: int) -> Sequence[Attempt]:
        """Return the attempts of one row that failed, the newest first."""
        query = select(Attempt).where(
            Attempt.kind.in_(kinds), Attempt.row_id == row_id, Attempt.outcome.in_(FAILED_OUTCOMES)
        )
        return self._session.scalars(query.order_by(Attempt.id.desc()).limit(limit)).all()

    def list_for_row(self, kind: str, row_id: int) -> list[Attempt]:
        """Return all attempts of one row, the oldest first."""
        query = select(Attempt).where(Attempt.kind == kind, Attempt.row_id == row_id)
        return list(self._session.scalars(query.order_by(Attempt.id)))


@cache
def start_statement() -> Any:
    """INSERT of the given attempts, which returns their ids. One text for any number of rows."""
    table: Any = Attempt.__table__
    given = rows_table({name: table.c[name].type for name in STARTED_COLUMNS})
    query = select(*(given.c[name] for name in STARTED_COLUMNS))
    statement = insert(table).from_select(STARTED_COLUMNS, query, include_defaults=False)
    return statement.returning(table.c.row_id, table.c.id)


@cache
def finish_statement() -> Any:
    """UPDATE that ends the given attempts, as far as they have not ended. Built once."""
    table: Any = Attempt.__table__
    results = rows_table(RESULT_TYPES)
    statement = update(table).where(table.c.id == results.c.id, table.c.ended_at.is_(None))
    return statement.values(
        ended_at=func.clock_timestamp(), **{name: results.c[name] for name in RESULT_COLUMNS}
    )
