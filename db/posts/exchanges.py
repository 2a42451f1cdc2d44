"""Table `exchanges`: the calls to platforms that belong to a post, with what may be stored of them.

Repetitions with the same answer are one row that counts them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, CreatedAtColumn, IdColumn, Json
from db.bulk import execute_with_rows, rows_table

GIVEN_COLUMNS = (
    "post_id",
    "attempt",
    "endpoint",
    "method",
    "host",
    "path",
    "status",
    "error",
    "milliseconds",
    "log_id",
    "request",
    "answer",
    "digest",
    "times",
)
"""The columns of the rows that are added; the others have defaults."""

REPLACED_COLUMNS = ("milliseconds", "log_id", "request", "answer")


class PostExchange(IdColumn, CreatedAtColumn, Base):
    __tablename__ = "exchanges"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    attempt: Mapped[int] = mapped_column(comment="number of the job attempt that made the call")
    endpoint: Mapped[str]
    method: Mapped[str]
    host: Mapped[str]
    path: Mapped[str] = mapped_column(comment="without the query")
    status: Mapped[int | None] = mapped_column(comment="HTTP status; NULL: no answer")
    error: Mapped[str | None] = mapped_column(comment="why there is no answer")
    milliseconds: Mapped[int] = mapped_column(comment="of the latest repetition")
    log_id: Mapped[str | None] = mapped_column(comment="the platform's log id of the call")
    request: Mapped[Json] = mapped_column(
        JSONB, comment="fields that may be stored; other values are replaced by their types"
    )
    answer: Mapped[Json] = mapped_column(JSONB)
    digest: Mapped[str] = mapped_column(comment="equal for repetitions with the same answer")
    times: Mapped[int] = mapped_column(server_default="1", comment="how often it was repeated")
    last_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        UniqueConstraint("post_id", "digest"),
        Index("idx_exchanges_created", "created_at"),
        {
            "comment": "Calls to platforms for a post, without secrets; kept for 30 days",
            "postgresql_with": APPENDED_ROWS_STORAGE,
        },
    )


class PostExchanges:
    def __init__(self, session: Session) -> None:
        self._session = session

    def add_all(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows, or count them as repetitions, in one statement.

        Sorted by their key, so that two transactions cannot wait for each other.
        """
        merged: dict[tuple[int, str], dict[str, Any]] = {}
        for row in rows:
            key = (row["post_id"], row["digest"])
            times = merged[key]["times"] + 1 if key in merged else 1
            merged[key] = {**row, "times": times}
        if not merged:
            return
        rows = [merged[key] for key in sorted(merged)]
        execute_with_rows(self._session, insert_statement(), rows)

    def list_for_post(
        self, post_id: int, *, limit: int, before: int | None = None
    ) -> Sequence[PostExchange]:
        """Newest first, those with a smaller id than `before`."""
        query = select(PostExchange).where(PostExchange.post_id == post_id)
        if before is not None:
            query = query.where(PostExchange.id < before)
        return self._session.scalars(query.order_by(PostExchange.id.desc()).limit(limit)).all()


@cache
def insert_statement() -> Any:
    """INSERT of all given rows. A row that repeats a stored one adds its `times` to it.

    One text for any number of rows: with a parameter for each value, SQLAlchemy compiled it anew
    for every batch, which took more time than everything else about recording a call.
    """
    table: Any = PostExchange.__table__
    rows = rows_table({name: table.c[name].type for name in GIVEN_COLUMNS})
    query = select(*(rows.c[name] for name in GIVEN_COLUMNS))
    statement = insert(table).from_select(GIVEN_COLUMNS, query, include_defaults=False)
    return statement.on_conflict_do_update(
        index_elements=["post_id", "digest"],
        set_={
            "times": table.c.times + statement.excluded.times,
            "last_at": func.clock_timestamp(),
            **{name: statement.excluded[name] for name in REPLACED_COLUMNS},
        },
    )
