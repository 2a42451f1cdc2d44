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

from db.base import Identified
from db.recordset import ROWS, given


class Due(Identified):
    """The columns every kind of work carries, whatever their tables call them."""

    due_at: Mapped[datetime | None] = mapped_column(sort_order=80, comment="NULL: nothing to do")
    leased_until: Mapped[datetime | None] = mapped_column(sort_order=81)
    lease_token: Mapped[int] = mapped_column(server_default="0", sort_order=82, comment="the fence")
    attempts: Mapped[int] = mapped_column(server_default="0", sort_order=83)
    last_error: Mapped[str | None] = mapped_column(sort_order=84)


Row = TypeVar("Row", bound=Due)


class Glimpse(NamedTuple):
    """A locked row, as far as a batch needs it."""

    id: int
    created_at: datetime


@dataclass(frozen=True)
class Queue(Generic[Row]):
    """One kind of due work: a table, or the `lane` of it that these conditions name."""

    model: type[Row]
    lane: tuple[ColumnElement[bool], ...] = ()

    def claim(
        self,
        session: Session,
        *,
        limit: int,
        lease: timedelta,
        lapsed: bool = False,
        only: int | None = None,
        plain: bool = False,
    ) -> list[Row]:
        """Lease up to `limit` due rows in one statement, oldest first, and count the attempt.

        `lapsed` takes rows whose lease ran out unrecorded instead of free ones: their last
        worker may have died of them, so they are claimed apart from their neighbours.
        `plain` rows only look like those of the table: to be read, at a third of the cost.
        """
        taking = claiming(self, lapsed=lapsed, single=only is not None, plain=plain)
        values = {"most": limit, "lease": lease} | ({} if only is None else {"only": only})
        options = {"synchronize_session": False, "populate_existing": True}
        found = session.execute(taking, values, execution_options=options)
        rows: Any = found.all() if plain else found.scalars().all()
        return sorted(rows, key=lambda row: (row.due_at, row.id))

    def held(self, session: Session, tokens: Mapping[int, int]) -> dict[int, Row]:
        """The rows, locked, that are still under the lease we were given: the fence.

        Locked in one order, so that two batches never wait for each other. A row is held once:
        its release ends the lease, and a second writing of the same result finds nothing.
        """
        model: Any = self.model
        held = holding(model, model)
        rows = session.scalars(
            held, given_tokens(tokens), execution_options={"populate_existing": True}
        )
        return {row.id: row for row in rows}

    def glimpsed(self, session: Session, tokens: Mapping[int, int]) -> dict[int, Glimpse]:
        """As `held`, for many rows of which nobody needs more than this."""
        model: Any = self.model
        rows = session.execute(holding(model, model.id, model.created_at), given_tokens(tokens))
        return {row.id: Glimpse(*row) for row in rows}

    def oldest(self, session: Session) -> datetime | None:
        """When the work that waits longest fell due; None if nobody waits for a worker."""
        free = or_(self.model.leased_until.is_(None), self.model.leased_until < func.now())
        wanted = [self.model.due_at <= func.now(), free, *self.lane]
        return session.scalar(select(func.min(self.model.due_at)).where(*wanted))


@cache
def claiming(queue: Queue[Any], *, lapsed: bool, single: bool, plain: bool) -> Any:
    """Built once: to put it together anew took as long as Postgres takes to answer it.

    Takes `most`, `lease`, and `only` if it is for a `single` row.

    The pick is a CTE: a plain subquery could be run again per row and exceed its limit.
    """
    model = queue.model
    leased = model.leased_until < func.now() if lapsed else model.leased_until.is_(None)
    wanted = [model.due_at <= func.now(), leased, *queue.lane]
    if single:
        wanted.append(model.id == bindparam("only", type_=BigInteger))
    most = bindparam("most", type_=Integer)
    oldest = select(model.id).where(*wanted).order_by(model.due_at).limit(most)
    picked = oldest.with_for_update(skip_locked=True).cte("picked")
    taken = (
        update(model)
        .where(model.id == picked.c.id)
        .values(
            leased_until=func.clock_timestamp() + bindparam("lease", type_=Interval),
            lease_token=model.lease_token + 1,
            attempts=model.attempts + 1,
        )
    )
    return taken.returning(*named(model)) if plain else taken.returning(model)


@cache
def holding(model: type[Due], *wanted: Any) -> Any:
    """This of the rows under the given tokens, locked in the order of their ids."""
    mine = given({"id": BigInteger(), "lease_token": BigInteger()})
    ours = (model.id == mine.c.id) & (model.lease_token == mine.c.lease_token)
    found = select(*wanted).join(mine, ours).where(model.leased_until.is_not(None))
    return found.order_by(model.id).with_for_update(of=model)


def given_tokens(tokens: Mapping[int, int]) -> dict[str, Any]:
    return {ROWS: [{"id": row, "lease_token": token} for row, token in tokens.items()]}


def named(model: type[Due]) -> list[Any]:
    """All columns under the names of their attributes."""
    mapper: Any = inspect(model)
    return [column.label(name) for name, column in mapper.columns.items()]


def release(row: Due, due_at: datetime | None, *, error: str | None = None) -> None:
    """Give the lease back; due again at that time of the database's clock, or never."""
    row.due_at = due_at
    row.leased_until = None
    row.last_error = error
