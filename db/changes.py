"""What a flush would write row by row goes out by the table: one statement, planned once.

Must not change what is written, nor when: what does not fit in is left to the flush.
"""

from collections import defaultdict
from typing import Any

from sqlalchemy import ClauseElement, inspect
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import JSON

from db.recordset import ROWS, as_json, writing

Group = tuple[Any, tuple[str, ...]]  # a table, and columns of it


def write_changes(session: Session) -> None:
    """Of rows with the same columns changed. New and deleted rows keep their order among these."""
    if session.new or session.deleted:
        return
    groups: dict[Group, list[tuple[Any, dict[str, Any]]]] = defaultdict(list)
    for row in session.dirty:
        values = changed(row)
        if values and all(fits(row, name, value) for name, value in values.items()):
            groups[type(row), tuple(sorted(values))].append((row, values))
    with session.no_autoflush:
        for (model, names), rows in groups.items():
            if len(rows) > 1:
                given = [as_json({"id": row.id, **values}) for row, values in rows]
                session.execute(writing(model, names), {ROWS: given})
                settled(rows)


def changed(row: Any) -> dict[str, Any]:
    before: dict[str, Any] = inspect(row).committed_state
    now = {name: getattr(row, name) for name in before}
    return {name: value for name, value in now.items() if value is not before[name]}


def fits(row: Any, name: str, value: Any) -> bool:
    """A plain value; and none in a JSON column, which may be meant as either kind of nothing."""
    column = inspect(type(row)).columns.get(name)
    if column is None or name == "id" or isinstance(value, ClauseElement):
        return False
    return value is not None or not isinstance(column.type, JSON)


def settled(rows: list[tuple[Any, dict[str, Any]]]) -> None:
    """The flush finds nothing left to write of them."""
    for row, values in rows:
        for name, value in values.items():
            set_committed_value(row, name, value)
