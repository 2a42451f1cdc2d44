"""Many values in one parameter: the statement is the same for one and for a thousand, and is
compiled once.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnElement,
    any_,
    bindparam,
    column,
    func,
    inspect,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import JSON, TypeEngine

ROWS_PARAMETER = "rows"


def rows_table(types: Mapping[str, TypeEngine[Any]]) -> Any:
    """The rows as a table to select from, with these columns; bound under the name `ROWS`."""
    columns = [column(name, column_type) for name, column_type in types.items()]
    rows = func.jsonb_to_recordset(bindparam(ROWS_PARAMETER, type_=JSONB))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)


@cache
def bulk_update_statement(model: Any, names: tuple[str, ...]) -> Any:
    """These columns of all rows given, by their ids."""
    columns = {name: model.__mapper__.columns[name] for name in ("id", *names)}
    rows = rows_table({name: mapped_column.type for name, mapped_column in columns.items()})
    values = {columns[name].name: rows.c[name] for name in names}
    return update(model.__table__).where(columns["id"] == rows.c.id).values(values)


def is_any_of(ids: Collection[int], id_column: Any) -> ColumnElement[bool]:
    """Whether the column `wanted` holds one of these numbers."""
    values = bindparam(None, list(ids), ARRAY(BigInteger), unique=True)
    condition: ColumnElement[bool] = id_column == any_(values)
    return condition


def as_json_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Times as texts that Postgres reads back to the microsecond."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


# MERGED db.changes: What a flush would write row by row goes out by the table: one statement, planned once.
#
# Must not change what is written, nor when: what does not fit in is left to the flush.

ChangeGroup = tuple[Any, tuple[str, ...]]  # a table, and columns of it


def write_changes(session: Session) -> None:
    """Of rows with the same columns changed. New and deleted rows keep their order among these."""
    if session.new or session.deleted:
        return
    groups: dict[ChangeGroup, list[tuple[Any, dict[str, Any]]]] = defaultdict(list)
    for row in session.dirty:
        values = changed_values(row)
        if values and all(can_write_in_bulk(row, name, value) for name, value in values.items()):
            groups[type(row), tuple(sorted(values))].append((row, values))
    with session.no_autoflush:
        for (model, names), rows in groups.items():
            if len(rows) > 1:
                parameters = [as_json_row({"id": row.id, **values}) for row, values in rows]
                session.execute(bulk_update_statement(model, names), {ROWS_PARAMETER: parameters})
                mark_as_written(rows)


def changed_values(row: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = inspect(row).committed_state
    current = {name: getattr(row, name) for name in loaded}
    return {name: value for name, value in current.items() if value is not loaded[name]}


def can_write_in_bulk(row: Any, name: str, value: Any) -> bool:
    """A plain value; and none in a JSON column, which may be meant as either kind of nothing."""
    column = inspect(type(row)).columns.get(name)
    if column is None or name == "id" or isinstance(value, ClauseElement):
        return False
    return value is not None or not isinstance(column.type, JSON)


def mark_as_written(rows: list[tuple[Any, dict[str, Any]]]) -> None:
    """The flush finds nothing left to write of them."""
    for row, values in rows:
        for name, value in values.items():
            set_committed_value(row, name, value)
