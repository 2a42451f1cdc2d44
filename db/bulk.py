"""Statements for many rows at once: the rows travel as one JSON parameter.

The statement text is the same for one row and for a thousand, so SQLAlchemy compiles and Postgres
plans it once. Columns are always given by name.

- `rows_table`: the rows as a table, to write a statement with; `execute_with_rows` runs it.
- `update_many`: write the same columns of many rows.
- `write_changes`: write what an ORM session has changed, one UPDATE per table and set of columns.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnElement,
    Connection,
    Integer,
    any_,
    bindparam,
    column,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session
from sqlalchemy.types import JSON, TypeEngine

ROWS_PARAMETER = "rows"
"""Name of the parameter that holds the rows."""

ROW_COUNT_PARAMETER = "row_count"
"""Name of the parameter that holds the number of rows, where a statement has it."""

IDS_PARAMETER = "ids"
"""Name of the parameter that holds an array of ids."""


def counted_rows_table(types: Mapping[str, TypeEngine[Any]]) -> Any:
    """As `rows_table`, with the number of rows as parameter ROW_COUNT_PARAMETER.

    Postgres expects a hundred rows of `rows_table`, however few there are, and reads a whole table
    of some thousand rows rather than a hundred by their index.
    """
    limit = bindparam(ROW_COUNT_PARAMETER, type_=Integer)
    return select(rows_table(types)).limit(limit).subquery("counted")


def rows_table(types: Mapping[str, TypeEngine[Any]]) -> Any:
    """Return a table of the rows passed at execution, with these columns.

    Shapes: `types` is column name → SQL type.
    """
    columns = [column(name, column_type) for name, column_type in types.items()]
    rows = func.jsonb_to_recordset(bindparam(ROWS_PARAMETER, type_=JSONB))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)


def execute_with_rows(
    session: Session | Connection, statement: Any, rows: Iterable[Mapping[str, Any]]
) -> Any:
    """Execute a statement that was built on `rows_table` with these rows; return its result."""
    return session.execute(statement, {ROWS_PARAMETER: list(rows)})


def update_many(
    session: Session, model: Any, rows: Iterable[Mapping[str, Any]], *, columns: Collection[str]
) -> None:
    """Write these columns of many rows in one statement.

    Shapes: a row is a mapping with `id` and all of `columns`, by attribute name.
    """
    statement = bulk_update_statement(model, tuple(sorted(columns)))
    execute_with_rows(session, statement, rows)


@cache
def bulk_update_statement(model: Any, names: tuple[str, ...], *, is_counted: bool = False) -> Any:
    """UPDATE of the columns `names` of all given rows, matched by id.

    `is_counted`: the rows are those of `counted_rows_table`.
    """
    columns = {name: model.__mapper__.columns[name] for name in ("id", *names)}
    types = {name: mapped_column.type for name, mapped_column in columns.items()}
    rows = counted_rows_table(types) if is_counted else rows_table(types)
    values = {columns[name].name: rows.c[name] for name in names}
    return update(model.__table__).where(columns["id"] == rows.c.id).values(values)


def is_any_of(ids: Collection[int], id_column: Any) -> ColumnElement[bool]:
    """Condition: the column holds one of these ids, passed as one array."""
    values = bindparam(None, list(ids), ARRAY(BigInteger), unique=True)
    condition: ColumnElement[bool] = id_column == any_(values)
    return condition


def is_given_id(id_column: Any) -> ColumnElement[bool]:
    """Condition of a statement that is built once: the column holds one of IDS_PARAMETER."""
    condition: ColumnElement[bool] = id_column == any_(
        bindparam(IDS_PARAMETER, type_=ARRAY(BigInteger))
    )
    return condition


class ChangeGroup(NamedTuple):
    """Rows that one UPDATE can write together: of one model, with the same columns changed."""

    model: Any
    columns: frozenset[str]


class RowChange(NamedTuple):
    row: Any
    values: Mapping[str, Any]


def write_changes(session: Session) -> None:
    """Write the session's changed rows with one UPDATE per table and set of columns.

    A flush would send one UPDATE per row. What is written is the same; what does not fit (single
    rows, SQL expressions, NULL in a JSON column) is left to the flush. If the session also has
    new or deleted rows, everything is left to the flush, which keeps their order.
    """
    if session.new or session.deleted:
        return
    groups: dict[ChangeGroup, list[RowChange]] = defaultdict(list)
    for row in session.dirty:
        values = changed_values(row)
        if values and all(can_write_in_bulk(row, name, value) for name, value in values.items()):
            groups[ChangeGroup(type(row), frozenset(values))].append(RowChange(row, values))
    with session.no_autoflush:
        for group, changes in groups.items():
            if len(changes) > 1:
                rows = [{"id": change.row.id, **change.values} for change in changes]
                update_many(session, group.model, rows, columns=group.columns)
                mark_as_written(session, changes)


def changed_values(row: Any) -> dict[str, Any]:
    """Return the row's attributes that differ from what was loaded."""
    loaded: dict[str, Any] = inspect(row).committed_state
    current = {name: getattr(row, name) for name in loaded}
    return {name: value for name, value in current.items() if value is not loaded[name]}


def can_write_in_bulk(row: Any, name: str, value: Any) -> bool:
    """Whether the value is plain. None in a JSON column may mean SQL NULL or JSON null."""
    model: Any = type(row)
    column_type = find_column_type(model, name)
    if column_type is None or name == "id" or isinstance(value, ClauseElement):
        return False
    return value is not None or not isinstance(column_type, JSON)


@cache
def find_column_type(model: Any, name: str) -> TypeEngine[Any] | None:
    """The type of the column of this attribute; None if the attribute is no column."""
    mapped_column = inspect(model).columns.get(name)
    return None if mapped_column is None else mapped_column.type


def mark_as_written(session: Session, changes: Iterable[RowChange]) -> None:
    """Mark these rows as stored, so that the flush neither writes nor examines them again.

    All changes of a row are in its `RowChange`. SQLAlchemy has a public function only for single
    attributes, after which the flush still compares all columns of each row.
    """
    states: list[Any] = [inspect(change.row) for change in changes]
    # `_register_altered`: a rollback to a savepoint reads the rows again
    session._register_altered(states)  # noqa: SLF001 - as the flush itself does
    for state in states:
        state._commit_all(state.dict, session.identity_map)  # noqa: SLF001 - likewise
