"""Statements that are compiled once: executing them costs no more than the driver does.

SQLAlchemy's work for each execution takes longer than Postgres needs for a single row. What runs
for every batch of webhook events is executed in this way, and several statements in one message.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from db.bulk import ROW_COUNT_PARAMETER, ROWS_PARAMETER
from db.connections import PostgresDialect
from db.json_values import encode_json

DIALECT: Any = PostgresDialect(json_serializer=encode_json)  # type: ignore[no-untyped-call]  # SQLAlchemy's
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class CompiledStatement:
    """A statement as text. Its parameters are given by name; values that it has itself stay."""

    def __init__(self, statement: Any) -> None:
        compiled = statement.compile(dialect=DIALECT)
        self.text = str(compiled)
        self._has_row_count = ROW_COUNT_PARAMETER in compiled.bind_names.values()
        self._own_values: dict[str, Any] = {}
        self._processors: dict[str, Any] = {}
        for parameter, name in compiled.bind_names.items():
            if parameter.expanding:
                raise TypeError(f"{name} is a list of values: an array is needed, not IN")
            processor = parameter.type.dialect_impl(DIALECT).bind_processor(DIALECT)
            if not parameter.required:
                own_value = parameter.effective_value
                self._own_values[name] = processor(own_value) if processor else own_value
            elif processor is not None:
                self._processors[name] = processor

    def convert_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return all values as the driver takes them, with the number of rows if it is needed."""
        converted = {**self._own_values, **values}
        if self._has_row_count:
            converted[ROW_COUNT_PARAMETER] = len(converted[ROWS_PARAMETER])
        for name, processor in self._processors.items():
            converted[name] = processor(converted[name])
        return converted


class StatementCall(NamedTuple):
    """A statement with the values of its parameters."""

    statement: CompiledStatement
    values: Mapping[str, Any]


class CallResult(NamedTuple):
    """Of the last statement: its rows as tuples, and how many rows it returned or changed."""

    rows: Sequence[Any]
    row_count: int


def execute_compiled(
    session: Session, statement: CompiledStatement, values: Mapping[str, Any]
) -> CallResult:
    """Execute one statement, after what the session has to write, unless `no_autoflush`."""
    return execute_calls(session, [StatementCall(statement, values)])


def execute_calls(session: Session, calls: Collection[StatementCall]) -> CallResult:
    """Execute the statements in their order, in one message; return the result of the last."""
    if not calls:
        return CallResult([], 0)
    if session.autoflush:
        session.flush()
    values = {
        f"{name}_{number}": value
        for number, call in enumerate(calls)
        for name, value in call.statement.convert_values(call.values).items()
    }
    text = join_statements(tuple(call.statement for call in calls))
    result = session.connection().exec_driver_sql(text, values)
    rows = result.cursor.fetchall() if result.returns_rows and result.cursor else []
    row_count = result.rowcount
    result.close()
    return CallResult(rows, row_count)


@cache
def join_statements(statements: tuple[CompiledStatement, ...]) -> str:
    """The text of all, with the number of the statement in the names of its parameters."""
    return ";\n".join(
        PLACEHOLDER.sub(rf"%(\1_{number})s", statement.text)
        for number, statement in enumerate(statements)
    )
