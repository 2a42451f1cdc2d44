"""Output of commands: text for people or JSON for programs, and the exit status.

Results go to stdout, errors to stderr. The exit status is 1 if a result is not ok or a command
fails.
"""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import click

from app.http.validation import JsonProvider
from core import audit
from core.errors import CoreError
from core.health.database_checks import find_advice
from core.observability import telemetry
from core.observability.log_format import escape_controls
from db.session import find_database_fault
from platforms.errors import PlatformError

P = ParamSpec("P")


@dataclass(frozen=True)
class CommandResult:
    """One result: a text for people, the same as data, and whether it is a success."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    ok: bool = True


def prints_results(
    command: Callable[P, CommandResult | Iterator[CommandResult]],
) -> Callable[P, None]:
    """Add the option `--json` to a command, and print the results it returns or yields."""

    @click.option("as_json", "--json", is_flag=True, help="One line of JSON per result.")
    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.pop("as_json"))
        set_audit_origin()
        all_ok = True
        try:
            for result in iterate_results(command(*args, **kwargs)):
                click.echo(format_result(result, as_json=as_json))
                all_ok = all_ok and result.ok
        except Exception as error:
            failure = describe_failure(error)
            if failure is None:
                raise
            print_failure(*failure, as_json=as_json)
            all_ok = False
        if not all_ok:
            raise click.exceptions.Exit(1)

    return wrapper


def set_audit_origin() -> None:
    """Record the command line as the origin of audit entries."""
    audit.set_origin(audit.Origin(actor="cli", correlation_id=telemetry.bind_correlation_id()))


def iterate_results(results: CommandResult | Iterator[CommandResult]) -> Iterator[CommandResult]:
    if isinstance(results, CommandResult):
        yield results
    else:
        yield from results


def format_result(result: CommandResult, *, as_json: bool) -> str:
    """Return the text to print. What a platform or a user wrote cannot control the terminal."""
    if as_json:
        return to_json({"ok": result.ok, **result.data})
    return "\n".join(escape_controls(line) for line in result.text.split("\n"))


def describe_failure(error: Exception) -> tuple[str, str] | None:
    """Return code and message of an error whose cause is known; None for a fault of our own."""
    if isinstance(error, CoreError | PlatformError):
        return error.code, str(error)
    fault = find_database_fault(error)
    if fault is None:
        return None
    return "SERVICE_UNAVAILABLE", f"the database cannot be used: {fault}: {find_advice(fault)}"


def print_failure(code: str, message: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(to_json({"ok": False, "error": {"code": code, "message": message}}))
    click.echo(escape_controls(f"{code}: {message}"), err=True)


def to_json(data: dict[str, Any]) -> str:
    return escape_controls(json.dumps(data, default=JsonProvider.default, ensure_ascii=False))
