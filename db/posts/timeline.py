"""Table `post_events`: the append-only timeline of each post, for people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, insert, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import APPENDED_ROWS_STORAGE, Base, IdColumn
from db.bulk import ROWS_PARAMETER, rows_table
from db.compiled_statements import CompiledStatement, StatementCall
from db.posts.posts import Post

MAX_NOTE_LENGTH = 500  # characters of a note


class PostEvent(IdColumn, Base):
    __tablename__ = "post_events"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    kind: Mapped[str]
    before: Mapped[str | None] = mapped_column("from_state")
    after: Mapped[str | None] = mapped_column("to_state")
    note: Mapped[str | None]

    __table_args__ = (
        Index("idx_post_events_post", "post_id", "id"),
        {"comment": "Timeline of each post, in order", "postgresql_with": APPENDED_ROWS_STORAGE},
    )


def build_insert_statement() -> Any:
    table: Any = PostEvent.__table__
    columns: Any = inspect(PostEvent).columns
    added = {name: columns[name] for name in ("post_id", "kind", "before", "after", "note")}
    rows = rows_table({name: column.type for name, column in added.items()})
    names = [column.name for column in added.values()]
    return insert(table).from_select(names, select(*(rows.c[name] for name in added)))


INSERT_STATEMENT = CompiledStatement(build_insert_statement(), name="insert_post_events")


class PostEvents:
    def __init__(self, session: Session) -> None:
        self._session = session

    @staticmethod
    def now() -> Any:
        """The database's clock, to be assigned to a column."""
        return func.clock_timestamp()

    def add(
        self,
        post: Post,
        kind: str,
        *,
        before: str | None = None,
        after: str | None = None,
        note: str | None = None,
    ) -> None:
        """Add an entry; `kind` is its source or event: poll, webhook, state, started, request."""
        self._session.add(
            PostEvent(**self.new_row(post.id, kind, before=before, after=after, note=note))
        )

    @staticmethod
    def new_row(
        post_id: int,
        kind: str,
        *,
        before: str | None = None,
        after: str | None = None,
        note: str | None = None,
    ) -> dict[str, Any]:
        """Values of one row, for `add_all`."""
        shortened = note and note[:MAX_NOTE_LENGTH]
        return {
            "post_id": post_id,
            "kind": kind,
            "before": before,
            "after": after,
            "note": shortened,
        }

    @staticmethod
    def insert_calls(rows: Sequence[Mapping[str, Any]]) -> list[StatementCall]:
        """What inserts the rows in their order: one statement, none if there are no rows."""
        return [StatementCall(INSERT_STATEMENT, {ROWS_PARAMETER: rows})] if rows else []

    def list_for_post(self, post_id: int, *, after: int = 0) -> Sequence[PostEvent]:
        """Oldest first, those with a larger id than `after`."""
        query = select(PostEvent).where(PostEvent.post_id == post_id, PostEvent.id > after)
        return self._session.scalars(query.order_by(PostEvent.id)).all()
