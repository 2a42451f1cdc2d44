"""Many values in one parameter: the statement is the same for one and for a thousand, and is
compiled once.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, column, func, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

ROWS = "rows"


def given(types: Mapping[str, TypeEngine[Any]]) -> Any:
    """The rows as a table to select from, with these columns; bound under the name `ROWS`."""
    columns = [column(name, kind) for name, kind in types.items()]
    rows = func.jsonb_to_recordset(bindparam(ROWS, type_=JSONB))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)


@cache
def writing(model: Any, names: tuple[str, ...]) -> Any:
    """These columns of all rows given, by their ids."""
    columns = {name: model.__mapper__.columns[name] for name in ("id", *names)}
    rows = given({name: of.type for name, of in columns.items()})
    values = {columns[name].name: rows.c[name] for name in names}
    return update(model.__table__).where(columns["id"] == rows.c.id).values(values)


def among(ids: Collection[int], wanted: Any) -> ColumnElement[bool]:
    """Whether the column `wanted` holds one of these numbers."""
    numbers = bindparam(None, list(ids), ARRAY(BigInteger), unique=True)
    is_one: ColumnElement[bool] = wanted == any_(numbers)
    return is_one


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Times as texts that Postgres reads back to the microsecond."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
