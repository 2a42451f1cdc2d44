"""Statements that are compiled once: executing them costs no more than the driver does.

SQLAlchemy's work for each execution takes longer than Postgres needs for a single row. What runs
for every batch of webhook events is executed in this way, and several statements in one message.

A statement with a name is prepared, so that Postgres plans it once for a connection and not at each
execution, unless a pooler may give each transaction another session. Decision 0078.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from db.bulk import ROW_COUNT_PARAMETER, ROWS_PARAMETER
from db.connections import PostgresConnection, PostgresDialect
from db.json_values import encode_json

DIALECT: Any = PostgresDialect(json_serializer=encode_json)  # type: ignore[no-untyped-call]  # SQLAlchemy's
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
DIGEST_LENGTH = 12  # hexadecimal digits; Postgres cuts names at 63 characters
EXECUTE_PATTERN = re.compile(r"\bEXECUTE (\w+)")

_texts_by_name: dict[str, str] = {}  # of all statements with a name


class CompiledStatement:
    """A statement as text. Its parameters are given by name; values that it has itself stay.

    `name`: what it is prepared as, with a digest, so that no two versions of it have one name.
    """

    def __init__(self, statement: Any, *, name: str | None = None) -> None:
        compiled = statement.compile(dialect=DIALECT)
        self.text = str(compiled)
        self.parameter_names = tuple(dict.fromkeys(PLACEHOLDER.findall(self.text)))
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:DIGEST_LENGTH]
        self.prepared_name = f"{name}_{digest}" if name else None
        if self.prepared_name:
            _texts_by_name[self.prepared_name] = self.text
        self._has_row_count = ROW_COUNT_PARAMETER in compiled.bind_names.values()
        self._own_values: dict[str, Any] = {}
        self._processors: dict[str, Any] = {}
        for parameter, key in compiled.bind_names.items():
            if parameter.expanding:
                raise TypeError(f"{key} is a list of values: an array is needed, not IN")
            processor = parameter.type.dialect_impl(DIALECT).bind_processor(DIALECT)
            if not parameter.required:
                own_value = parameter.effective_value
                self._own_values[key] = processor(own_value) if processor else own_value
            elif processor is not None:
                self._processors[key] = processor

    @property
    def prepare_text(self) -> str:
        """What prepares it; its parameters are numbered."""
        numbers = {name: number for number, name in enumerate(self.parameter_names, start=1)}
        body = PLACEHOLDER.sub(lambda match: f"${numbers[match[1]]}", self.text)
        return f"PREPARE {self.prepared_name} AS {body}"

    @cached_property
    def execute_text(self) -> str:
        """What executes it once it is prepared; its parameters are those of `text`."""
        values = ", ".join(f"%({name})s" for name in self.parameter_names)
        return f"EXECUTE {self.prepared_name}" + (f"({values})" if values else "")

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
    converted = [call.statement.convert_values(call.values) for call in calls]
    statements = tuple(call.statement for call in calls)
    return execute_converted(session.connection(), statements, converted)


def execute_converted(
    connection: Connection,
    statements: tuple[CompiledStatement, ...],
    converted_values: Sequence[Mapping[str, Any]],
) -> CallResult:
    """As `execute_calls`, with the values of each statement as the driver takes them."""
    result = connection.exec_driver_sql(*build_message(connection, statements, converted_values))
    rows = result.cursor.fetchall() if result.returns_rows and result.cursor else []
    row_count = result.rowcount
    result.close()
    return CallResult(rows, row_count)


def fetch_converted(
    connection: Connection, statement: CompiledStatement, converted_values: Mapping[str, Any]
) -> list[Any]:
    """Execute one statement as `fetch_rows` does."""
    return fetch_rows(connection, *build_message(connection, (statement,), (converted_values,)))


def fetch_rows(connection: Connection, statement: str, values: Mapping[str, Any]) -> list[Any]:
    """Execute a statement in the driver's form, and return its rows as tuples.

    For what runs with every delivery: SQLAlchemy's part would take longer than the driver's.
    Errors: those that SQLAlchemy would raise, and as there a lost connection is not used again.
    """
    driver_connection: Any = connection.connection.dbapi_connection
    dialect: Any = connection.dialect
    with driver_connection.cursor() as cursor:
        try:
            cursor.execute(statement, values)
        except psycopg2.Error as error:
            is_lost = dialect.is_disconnect(error, driver_connection, cursor)
            if is_lost:
                connection.invalidate(error)
            raise DBAPIError.instance(
                None, None, error, psycopg2.Error, connection_invalidated=is_lost
            ) from error
        rows: list[Any] = cursor.fetchall()
        return rows


def build_message(
    connection: Connection,
    statements: tuple[CompiledStatement, ...],
    converted_values: Sequence[Mapping[str, Any]],
) -> tuple[str, dict[str, Any]]:
    """Return the text that executes the statements on this connection, and its parameters."""
    values = {
        f"{name}_{number}": value
        for number, of_statement in enumerate(converted_values)
        for name, value in of_statement.items()
    }
    are_prepared = prepare_statements(connection, statements)
    return join_statements(statements, are_prepared=are_prepared), values


def prepare_statements(connection: Connection, statements: Iterable[CompiledStatement]) -> bool:
    """Prepare those with a name that this connection has not prepared yet.

    Each has a message of its own: what is prepared stays so after an error, and after a rollback.
    False if the connection has no session of its own.
    """
    raw: Any = connection.connection.dbapi_connection
    if not (isinstance(raw, PostgresConnection) and raw.keeps_session):
        return False
    for statement in statements:
        name = statement.prepared_name
        if name is not None and name not in raw.prepared_names:
            connection.exec_driver_sql(statement.prepare_text).close()
            raw.prepared_names.add(name)
    return True


def expand_prepared(text: str) -> str:
    """Return a message with the texts of its prepared statements in the place of their names."""
    return EXECUTE_PATTERN.sub(lambda match: _texts_by_name.get(match[1], match[0]), text)


@cache
def join_statements(statements: tuple[CompiledStatement, ...], *, are_prepared: bool) -> str:
    """The text of all, with the number of the statement in the names of its parameters."""
    texts = [
        statement.execute_text if are_prepared and statement.prepared_name else statement.text
        for statement in statements
    ]
    return ";\n".join(
        PLACEHOLDER.sub(rf"%(\1_{number})s", text) for number, text in enumerate(texts)
    )
