"""Output of commands: text for people or JSON for programs, and the exit status.

Results go to stdout, errors to stderr; with `--json` an error is the last line of stdout as well.
The exit status is 1 if a result is not ok or a command fails.
"""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec

import click

from app.cli.command import FAILURE_STATUS
from app.cli.failure_causes import describe_failure
from app.cli.failures import CommandFailure, escape_lines, print_failure
from app.http.validation import JsonProvider
from core import audit
from core.observability import telemetry
from core.observability.control_characters import escape_controls

P = ParamSpec("P")

FAULT_OF_OURS = CommandFailure(
    "INTERNAL_ERROR", "a fault of signalpost; stderr has its traceback", "report it"
)


@dataclass(frozen=True)
class CommandResult:
    """One result: a text for people, the same as data, and whether it is a success."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    ok: bool = True


def list_result(
    items: Sequence[dict[str, Any]], lines: Sequence[str], *, empty: str, **data: Any
) -> CommandResult:
    """Return a list as one result: a line for each item, or what to say if there is none."""
    return CommandResult("\n".join(lines) or empty, {"items": list(items), **data})


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
                if as_json and not isinstance(error, BrokenPipeError | click.ClickException):
                    print_failure(FAULT_OF_OURS, as_json=True)
                raise
            print_failure(failure, as_json=as_json)
            all_ok = False
        if not all_ok:
            raise click.exceptions.Exit(FAILURE_STATUS)

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
    """Return the text to print, which cannot control the terminal."""
    return to_json({"ok": result.ok, **result.data}) if as_json else escape_lines(result.text)


def to_json(data: dict[str, Any]) -> str:
    return escape_controls(json.dumps(data, default=JsonProvider.default, ensure_ascii=False))
