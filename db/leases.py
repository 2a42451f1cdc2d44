"""Due work: rows with a due time, leased to one worker at a time.

All times are by the database's clock, so that machines with different clocks agree.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Interval,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.base import IdColumn
from db.bulk import ROWS_PARAMETER, rows_table
from db.compiled_statements import CompiledStatement, StatementCall, execute_calls
from db.pauses import Pause, PauseKind


class JobColumns(IdColumn):
    """The columns of every table with due work; a table may name them differently."""

    due_at: Mapped[datetime | None] = mapped_column(
        sort_order=80, comment="when the row can be claimed next; NULL: nothing to do"
    )
    leased_until: Mapped[datetime | None] = mapped_column(sort_order=81)
    lease_token: Mapped[int] = mapped_column(
        server_default="0",
        sort_order=82,
        comment="raised by each claim; results with an older token are dropped",
    )
    attempts: Mapped[int] = mapped_column(server_default="0", sort_order=83)
    last_error: Mapped[str | None] = mapped_column(sort_order=84)


Row = TypeVar("Row", bound=JobColumns)


COMMIT_WITHOUT_DISK = CompiledStatement(text("SET LOCAL synchronous_commit = off"))


class LeasedRow(NamedTuple):
    """A claimed row, as far as a lightweight batch needs it to record and release it."""

    id: int
    lease_token: int


class HeldRows(NamedTuple):
    """Leased rows: how many, since when the oldest was due, and when the last lease ends."""

    number: int
    oldest_due_at: datetime | None
    leased_until: datetime | None


@dataclass(frozen=True)
class JobQueue(Generic[Row]):
    """The due rows of one table, or those of them that fulfil the conditions.

    `name` and `provider` are what a pause is looked up by: the name of the queue, and a column or a
    query of each row's platform. Without them no pause concerns the queue.
    """

    model: type[Row]
    conditions: tuple[ColumnElement[bool], ...] = ()
    name: str | None = None
    provider: Any = None
    copied_columns: tuple[Any, ...] = ()  # what `claim_copies` reads, by label

    def claim(
        self,
        session: Session,
        *,
        limit: int,
        lease: timedelta,
        expired: bool = False,
        row_id: int | None = None,
    ) -> list[Row]:
        """Lease up to `limit` due rows in one statement, oldest first, and count the attempt.

        `expired` claims rows whose lease has expired, instead of rows without a lease. They may
        have killed their last worker, so they are never claimed together with others.
        """
        statement = claim_statement(self, expired=expired, single_row=row_id is not None)
        values = claim_values(limit, lease, row_id)
        options = {"synchronize_session": False, "populate_existing": True}
        rows = session.execute(statement, values, execution_options=options).scalars().all()
        return sorted(rows, key=claim_order)

    def claim_copies(
        self,
        session: Session,
        *,
        limit: int,
        lease: timedelta,
        expired: bool = False,
        row_id: int | None = None,
    ) -> list[Row]:
        """As `claim`, but gives read-only copies of `copied_columns`, at a tenth of the cost.

        The commit does not wait for the disk. If Postgres crashes before it is written, nobody has
        claimed the rows, and a result is refused for the token of the claim that is lost.
        """
        statement = copying_claim(self, limit=limit, expired=expired, single_row=row_id is not None)
        claim = StatementCall(statement, claim_values(limit, lease, row_id))
        result = execute_calls(session, [StatementCall(COMMIT_WITHOUT_DISK, {}), claim])
        rows: Any = map(copy_class(self), result.rows)
        return sorted(rows, key=claim_order)

    def lock_leased(self, session: Session, tokens: Mapping[int, int]) -> dict[int, Row]:
        """Lock the rows that still carry these lease tokens, by row id: this check is the fence.

        They are locked in the order of their ids, so that two batches never deadlock. Releasing a
        row ends its lease, so a result that is recorded a second time finds no row.
        """
        model: Any = self.model
        statement = lock_statement(model, model)
        rows = session.scalars(
            statement, token_parameters(tokens), execution_options={"populate_existing": True}
        )
        return {row.id: row for row in rows}

    def oldest_due_at(self, session: Session) -> datetime | None:
        """When the oldest row that waits for a worker fell due; None if there is none.

        What is paused does not wait for a worker.
        """
        conditions = (*self._due_conditions(), *pause_conditions(self))
        return session.scalar(select(func.min(self.model.due_at)).where(*conditions))

    def count_due(self, session: Session, *, limit: int) -> int:
        """Count the rows that wait for a worker, up to `limit`."""
        rows = select(self.model.id).where(*self._due_conditions()).limit(limit).subquery()
        return session.scalar(select(func.count()).select_from(rows)) or 0

    def summarize_held(self, session: Session, *, limit: int) -> HeldRows:
        """Summarize the rows that workers have leased; of more than `limit`, only so many."""
        held = select(self.model.due_at.label("due"), self.model.leased_until.label("until"))
        rows = held.where(*self._held_conditions()).limit(limit).subquery()
        summary = select(func.count(), func.min(rows.c.due), func.max(rows.c.until))
        return HeldRows(*session.execute(summary).one())

    def list_unfinished(self, session: Session, *, limit: int) -> list[Row]:
        """Return rows that are due or leased, those that have waited the longest first."""
        is_unfinished = or_(and_(*self._due_conditions()), and_(*self._held_conditions()))
        query = select(self.model).where(is_unfinished).order_by(self.model.due_at).limit(limit)
        return list(session.scalars(query))

    def _due_conditions(self) -> tuple[ColumnElement[bool], ...]:
        is_unleased = or_(self.model.leased_until.is_(None), self.model.leased_until < func.now())
        return (self.model.due_at <= func.now(), is_unleased, *self.conditions)

    def _held_conditions(self) -> tuple[ColumnElement[bool], ...]:
        is_leased = self.model.leased_until >= func.now()
        return (self.model.due_at <= func.now(), is_leased, *self.conditions)


def claim_values(limit: int, lease: timedelta, row_id: int | None) -> dict[str, Any]:
    """The parameters of `claim_statement`."""
    values: dict[str, Any] = {"row_limit": limit, "lease": lease}
    return values if row_id is None else {**values, "row_id": row_id}


def claim_order(row: Any) -> tuple[datetime, int]:
    return (row.due_at, row.id)


@cache
def copy_class(queue: JobQueue[Any]) -> Callable[[Any], Any]:
    """What makes a copy with attributes of the values that `copying_claim` returns."""
    names = [column.key for column in queue.copied_columns]
    make_class: Any = namedtuple  # noqa: PYI024 - its fields are those of the queue
    make_copy: Callable[[Any], Any] = make_class("copy", names)._make
    return make_copy


@cache
def copying_claim(
    queue: JobQueue[Any], *, limit: int, expired: bool, single_row: bool
) -> CompiledStatement:
    """`claim_statement`, returning `copied_columns`.

    The limit stands in its text: of a parameter Postgres would expect a tenth of all due rows, and
    might read the table for them.
    """
    statement = claim_statement(
        queue, expired=expired, single_row=single_row, columns=queue.copied_columns, limit=limit
    )
    return CompiledStatement(statement, name=f"claim_{queue.model.__tablename__}")


@cache
def claim_statement(
    queue: JobQueue[Any],
    *,
    expired: bool,
    single_row: bool,
    columns: tuple[Any, ...] = (),
    limit: int | None = None,
) -> Any:
    """The statement that claims rows. Parameters: `row_limit`, unless `limit` stands in its text,
    `lease`, and `row_id` if `single_row`.

    Cached: building it takes as long as Postgres takes to execute it. The rows are picked in a
    CTE: a plain subquery could be executed again for each row and exceed its limit.
    """
    model = queue.model
    conditions = claim_conditions(queue, expired=expired)
    if single_row:
        conditions.append(model.id == bindparam("row_id", type_=BigInteger))
    row_limit: Any = bindparam("row_limit", type_=Integer)
    if limit is not None:
        row_limit = literal_column(str(limit))
    oldest_ids = select(model.id).where(*conditions).order_by(model.due_at).limit(row_limit)
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
    return statement.returning(*(columns or (model,)))


@cache
def due_kinds_statement(queues: tuple[tuple[str, JobQueue[Any]], ...]) -> Any:
    """The statement that reads, for each kind, whether a row of its queue can be claimed.

    The conditions are those of `claim_statement`, each as a separate subquery: so each finds its
    first row in an index, however large the table is.
    """
    return select(
        *(
            or_(
                exists(select(queue.model.id).where(*claim_conditions(queue, expired=False))),
                exists(select(queue.model.id).where(*claim_conditions(queue, expired=True))),
            ).label(kind)
            for kind, queue in queues
        )
    )


def find_due_kinds(session: Session, queues: Mapping[str, JobQueue[Any]]) -> list[str]:
    """Return the kinds of which a row is due and can be claimed. Shapes: kind → queue."""
    row = session.execute(due_kinds_statement(tuple(queues.items()))).mappings().one()
    return [kind for kind, is_due in row.items() if is_due]


def claim_conditions(queue: JobQueue[Any], *, expired: bool) -> list[ColumnElement[bool]]:
    """What a row fulfils that can be claimed: due, and without a lease or with an expired one."""
    leased_until = queue.model.leased_until
    lease_condition = leased_until < func.now() if expired else leased_until.is_(None)
    return [
        queue.model.due_at <= func.now(),
        lease_condition,
        *queue.conditions,
        *pause_conditions(queue),
    ]


def pause_conditions(queue: JobQueue[Any]) -> list[ColumnElement[bool]]:
    """That neither the queue nor the platform of a row is paused.

    Whether there is any pause is read once per statement, not once per row.
    """
    conditions: list[ColumnElement[bool]] = []
    if queue.name is not None:
        name: ColumnElement[str] = literal_column(
            f"'{queue.name}'"
        )  # no parameter: statements are compiled once
        conditions.append(~exists(select(Pause.target).where(Pause.target == name)))
    if queue.provider is not None:
        is_platform = Pause.kind == literal_column(f"'{PauseKind.PLATFORM}'")
        any_pause = exists(select(Pause.target).where(is_platform))
        of_row = select(Pause.target).where(is_platform)
        conditions.append(or_(~any_pause, queue.provider.not_in(of_row)))
    return conditions


@cache
def lock_statement(model: type[JobColumns], *columns: Any) -> Any:
    """The statement that reads these columns of the rows with the given tokens and locks them."""
    tokens = rows_table({"id": BigInteger(), "lease_token": BigInteger()})
    has_token = (model.id == tokens.c.id) & (model.lease_token == tokens.c.lease_token)
    query = select(*columns).join(tokens, has_token).where(model.leased_until.is_not(None))
    return query.order_by(model.id).with_for_update(of=model)


def token_parameters(tokens: Mapping[int, int]) -> dict[str, Any]:
    return {
        ROWS_PARAMETER: [{"id": row_id, "lease_token": token} for row_id, token in tokens.items()]
    }


def release_lease(row: JobColumns, due_at: datetime | None, *, error: str | None = None) -> None:
    """End the lease of a row. It is due again at `due_at` (database's clock), or never if None."""
    row.due_at = due_at
    row.leased_until = None
    row.last_error = error
