"""Many rows in one statement: all come as one JSON array, so that the statement is the same for one
and for a thousand, and is planned and cached once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, column, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

ROWS = "rows"


def given(types: Mapping[str, TypeEngine[Any]]) -> Any:
    """The rows as a table to select from, with these columns; bound under the name `ROWS`."""
    columns = [column(name, kind) for name, kind in types.items()]
    rows = func.jsonb_to_recordset(bindparam(ROWS, type_=JSONB))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """Times as texts that Postgres reads back to the microsecond."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
