"""Rules about security that libraries of rules do not know: limits of time, log lines, SQL.

Like those in `tests/architecture_rules.py`, each is a function from a source file to its findings.
"""

import ast
import re
from collections.abc import Iterator

from tests.architecture_rules import SourceFile, called_name, expression_text

TIMEOUT_POSITIONS = {
    "create_connection": 1,
    "urlopen": 2,
    "HTTPConnection": 2,
    "HTTPSConnection": 2,
}
"""What opens a connection → the place of `timeout` among its arguments."""

HTTP_METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "send"}
HTTP_LIBRARIES = {"requests", "httpx"}

LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log", "bind"}
LOGGER_NAME = re.compile(r"(^|_)log(ger)?$")
REQUEST_PARTS = re.compile(
    r"\brequest\.(url|full_path|query_string|args|values|form|data|json|headers|cookies)\b"
)
URL_FIELDS = {"url", "uri", "full_path", "query", "query_string", "headers", "cookies", "body"}

SQL_FUNCTIONS = {"text", "execute", "exec_driver_sql", "scalar", "scalars"}
CONSTANT_NAME = re.compile(r"^([\w.]+\.)?[A-Z][A-Z0-9_]*$")
BUILT_SQL = {
    "db/statement_limits.py": "the number of milliseconds, computed here: SET takes no parameters",
    "migrations/": "names and values of their own files: statements that define tables take none",
}
"""Places in which SQL is built from more than constants → why that is safe there."""


def calls_have_timeouts(source: SourceFile) -> Iterator[str]:
    """Whoever calls another server says how long it waits."""
    for call in source.calls:
        name = called_name(call)
        position = TIMEOUT_POSITIONS.get(name)
        is_library = name in HTTP_METHODS and is_http_library(call)
        if position is None and not is_library:
            continue
        has_keyword = any(each.arg in {"timeout", None} for each in call.keywords)
        has_argument = position is not None and len(call.args) > position
        if not (has_keyword or has_argument):
            yield f"line {call.lineno}: {name} without a timeout"


def is_http_library(call: ast.Call) -> bool:
    owner = getattr(call.func, "value", None)
    return isinstance(owner, ast.Name) and owner.id in HTTP_LIBRARIES


def logs_hold_no_query_strings(source: SourceFile) -> Iterator[str]:
    """What stands behind `?`, in headers and in bodies may be a secret, and is not logged."""
    for call in log_calls(source):
        fields = {each.arg for each in call.keywords if each.arg} & URL_FIELDS
        parts = REQUEST_PARTS.findall(expression_text(call))
        if fields or parts:
            yield f"line {call.lineno}: logs {', '.join(sorted({*fields, *parts}))}"


def logs_reveal_no_secrets(source: SourceFile) -> Iterator[str]:
    """A secret is a `Secret` until it is sent; a log line never reveals one."""
    for call in log_calls(source):
        if ".reveal()" in expression_text(call):
            yield f"line {call.lineno}: logs a revealed secret"


def log_calls(source: SourceFile) -> Iterator[ast.Call]:
    for call in source.calls:
        owner = getattr(call.func, "value", None)
        name = getattr(owner, "attr", getattr(owner, "id", ""))
        if called_name(call) in LOG_METHODS and LOGGER_NAME.search(name):
            yield call


def sql_is_not_formatted(source: SourceFile) -> Iterator[str]:
    """Values are parameters. Only constants of ours, named so, may stand in the text of SQL."""
    if source.is_within(*BUILT_SQL):
        return
    for call in source.calls:
        if called_name(call) not in SQL_FUNCTIONS or not call.args:
            continue
        for value in iter_inserted(call.args[0]):
            if not CONSTANT_NAME.match(expression_text(value)):
                yield f"line {call.lineno}: SQL with {expression_text(value)} in it"


def iter_inserted(node: ast.expr) -> Iterator[ast.expr]:
    """What an expression puts into a string: by an f-string, `%`, `+` or `format`."""
    match node:
        case ast.JoinedStr(values=values):
            yield from (each.value for each in values if isinstance(each, ast.FormattedValue))
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str())):
            yield node.right
        case ast.BinOp(op=ast.Add()) if has_text(node):
            for side in (node.left, node.right):
                is_text = isinstance(side, ast.Constant)
                yield from () if is_text else iter_inserted(side) if has_text(side) else (side,)
        case ast.Call(func=ast.Attribute(attr="format", value=ast.Constant(value=str()))):
            yield from (*node.args, *(each.value for each in node.keywords))


def has_text(node: ast.expr) -> bool:
    """Whether a text is written in the expression."""
    return any(
        isinstance(each, ast.JoinedStr)
        or (isinstance(each, ast.Constant) and isinstance(each.value, str))
        for each in ast.walk(node)
    )


SECURITY_RULES = (
    calls_have_timeouts,
    logs_hold_no_query_strings,
    logs_reveal_no_secrets,
    sql_is_not_formatted,
)
