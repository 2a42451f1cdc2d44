"""Due work: rows with a due time, leased to one worker at a time. The clock is the database's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Interval,
    bindparam,
    func,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import IdColumn
from db.bulk import ROWS_PARAMETER, rows_table


class JobColumns(IdColumn):
    """The columns every kind of work carries, whatever their tables call them."""

    due_at: Mapped[datetime | None] = mapped_column(sort_order=80, comment="NULL: nothing to do")
    leased_until: Mapped[datetime | None] = mapped_column(sort_order=81)
    lease_token: Mapped[int] = mapped_column(server_default="0", sort_order=82, comment="the fence")
    attempts: Mapped[int] = mapped_column(server_default="0", sort_order=83)
    last_error: Mapped[str | None] = mapped_column(sort_order=84)


Row = TypeVar("Row", bound=JobColumns)


class LockedRow(NamedTuple):
    """A locked row, as far as a batch needs it."""

    id: int
    created_at: datetime


@dataclass(frozen=True)
class JobQueue(Generic[Row]):
    """One kind of due work: a table, or the `lane` of it that these conditions name."""

    model: type[Row]
    conditions: tuple[ColumnElement[bool], ...] = ()

    def claim(
        self,
        session: Session,
        *,
        limit: int,
        lease: timedelta,
        expired: bool = False,
        row_id: int | None = None,
        lightweight: bool = False,
    ) -> list[Row]:
        """Lease up to `limit` due rows in one statement, oldest first, and count the attempt.

        `lapsed` takes rows whose lease ran out unrecorded instead of free ones: their last
        worker may have died of them, so they are claimed apart from their neighbours.
        `plain` rows only look like those of the table: to be read, at a third of the cost.
        """
        statement = claim_statement(
            self, expired=expired, single_row=row_id is not None, lightweight=lightweight
        )
        values = {"most": limit, "lease": lease} | ({} if row_id is None else {"only": row_id})
        options = {"synchronize_session": False, "populate_existing": True}
        result = session.execute(statement, values, execution_options=options)
        rows: Any = result.all() if lightweight else result.scalars().all()
        return sorted(rows, key=lambda row: (row.due_at, row.id))

    def lock_leased(self, session: Session, tokens: Mapping[int, int]) -> dict[int, Row]:
        """The rows, locked, that are still under the lease we were given: the fence.

        Locked in one order, so that two batches never wait for each other. A row is held once:
        its release ends the lease, and a second writing of the same result finds nothing.
        """
        model: Any = self.model
        statement = lock_statement(model, model)
        rows = session.scalars(
            statement, token_parameters(tokens), execution_options={"populate_existing": True}
        )
        return {row.id: row for row in rows}

    def lock_leased_keys(self, session: Session, tokens: Mapping[int, int]) -> dict[int, LockedRow]:
        """As `held`, for many rows of which nobody needs more than this."""
        model: Any = self.model
        rows = session.execute(
            lock_statement(model, model.id, model.created_at), token_parameters(tokens)
        )
        return {row.id: LockedRow(*row) for row in rows}

    def oldest_due_at(self, session: Session) -> datetime | None:
        """When the work that waits longest fell due; None if nobody waits for a worker."""
        is_unleased = or_(self.model.leased_until.is_(None), self.model.leased_until < func.now())
        conditions = [self.model.due_at <= func.now(), is_unleased, *self.conditions]
        return session.scalar(select(func.min(self.model.due_at)).where(*conditions))


@cache
def claim_statement(
    queue: JobQueue[Any], *, expired: bool, single_row: bool, lightweight: bool
) -> Any:
    """Built once: to put it together anew took as long as Postgres takes to answer it.

    Takes `most`, `lease`, and `only` if it is for a `single` row.

    The pick is a CTE: a plain subquery could be run again per row and exceed its limit.
    """
    model = queue.model
    lease_condition = model.leased_until < func.now() if expired else model.leased_until.is_(None)
    conditions = [model.due_at <= func.now(), lease_condition, *queue.conditions]
    if single_row:
        conditions.append(model.id == bindparam("only", type_=BigInteger))
    limit = bindparam("most", type_=Integer)
    oldest_ids = select(model.id).where(*conditions).order_by(model.due_at).limit(limit)
    picked = oldest_ids.with_for_update(skip_locked=True).cte("picked")
    statement = (
        update(model)
        .where(model.id == picked.c.id)
        .values(
            leased_until=func.clock_timestamp() + bindparam("lease", type_=Interval),
            lease_token=model.lease_token + 1,
            attempts=model.attempts + 1,
        )
    )
    return (
        statement.returning(*labeled_columns(model)) if lightweight else statement.returning(model)
    )


@cache
def lock_statement(model: type[JobColumns], *columns: Any) -> Any:
    """This of the rows under the given tokens, locked in the order of their ids."""
    tokens = rows_table({"id": BigInteger(), "lease_token": BigInteger()})
    is_ours = (model.id == tokens.c.id) & (model.lease_token == tokens.c.lease_token)
    query = select(*columns).join(tokens, is_ours).where(model.leased_until.is_not(None))
    return query.order_by(model.id).with_for_update(of=model)


def token_parameters(tokens: Mapping[int, int]) -> dict[str, Any]:
    return {ROWS_PARAMETER: [{"id": row, "lease_token": token} for row, token in tokens.items()]}


def labeled_columns(model: type[JobColumns]) -> list[Any]:
    """All columns under the names of their attributes."""
    mapper: Any = inspect(model)
    return [column.label(name) for name, column in mapper.columns.items()]


def release_lease(row: JobColumns, due_at: datetime | None, *, error: str | None = None) -> None:
    """Give the lease back; due again at that time of the database's clock, or never."""
    row.due_at = due_at
    row.leased_until = None
    row.last_error = error
