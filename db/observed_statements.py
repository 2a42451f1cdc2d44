"""Tells an observer of each statement: what it does to which table, and how long it took.

Only a process that records traces has one; without it nothing is registered, and a statement costs
what it did. An observer gets a word and the name of one of our tables, never the statement, its
comments or its values.
"""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Engine, event

from db.base import Base
from db.compiled_statements import expand_prepared

START_KEY = "signalpost_started"
"""Key in the dictionary that a connection of SQLAlchemy keeps."""

MAX_KNOWN_STATEMENTS = 2048  # texts of statements; ours are some hundreds
WRITE_PATTERN = re.compile(
    r"\b(INSERT)\s+INTO\s+(\w+)|\b(UPDATE)\s+(\w+)\s+(?:AS\s+\w+\s+)?SET\b|\b(DELETE)\s+FROM\s+(\w+)",
    re.IGNORECASE,
)
READ_PATTERN = re.compile(r"\b(?:FROM|JOIN)\s+(?:ONLY\s+)?(\w+)", re.IGNORECASE)
FIRST_WORD = re.compile(r"\s*(\w+)")
OPERATIONS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "SET", "LOCK"})
OTHER_OPERATION = "OTHER"


class StatementKind(NamedTuple):
    """`table` is the one that is written, else the first that is read; None if it is none of ours.
    `statements`: how many the message has.
    """

    operation: str
    table: str | None
    statements: int


StatementObserver = Callable[[StatementKind, float, BaseException | None], None]
"""Gets the kind, the seconds that the statement took, and the error with which it ended."""


@lru_cache(maxsize=MAX_KNOWN_STATEMENTS)
def find_statement_kind(text: str) -> StatementKind:
    """Read what a statement does from its text."""
    statements = text.count(";\n") + 1
    text = expand_prepared(text)
    tables = Base.metadata.tables
    for match in WRITE_PATTERN.finditer(text):
        operation, table = (part for part in match.groups() if part)
        if table in tables:
            return StatementKind(operation.upper(), table, statements)
    read = next((name for name in READ_PATTERN.findall(text) if name in tables), None)
    first = FIRST_WORD.match(text)
    word = first[1].upper() if first else ""
    operation = "SELECT" if word == "WITH" else word
    return StatementKind(
        operation if operation in OPERATIONS else OTHER_OPERATION, read, statements
    )


def observe_statements(engine: Engine, observer: StatementObserver) -> None:
    """Call the observer after each statement of this engine, in the thread that executed it."""

    def note_start(connection: Any, *_: Any) -> None:
        connection.info[START_KEY] = time.perf_counter()

    def report_end(connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        seconds = time.perf_counter() - connection.info.pop(START_KEY)
        observer(find_statement_kind(text), seconds, None)

    def report_error(context: Any) -> None:
        started = context.connection and context.connection.info.pop(START_KEY, None)
        if started is not None and context.statement is not None:
            seconds = time.perf_counter() - started
            observer(find_statement_kind(context.statement), seconds, context.original_exception)

    event.listen(engine, "before_cursor_execute", note_start)
    event.listen(engine, "after_cursor_execute", report_end)
    event.listen(engine, "handle_error", report_error)
