"""What went wrong with a command, for people and for programs: code, message and what to do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from app.cli.command import USAGE_STATUS
from app.http.validation import JsonProvider
from core.errors import CoreError
from core.health.database_checks import find_advice
from core.observability.log_format import escape_controls
from db.session import find_database_fault
from db.statement_limits import SearchTooSlow
from platforms.errors import PlatformError

USAGE_CODE = "USAGE"  # wrong usage of the command line: the API has no such code
FAILED_CODE = "FAILED"
FILE_CODE = "FILE_ERROR"

ADVICE_BY_CODE = {
    "CONFIG_MISSING": (
        "set them in the environment or in .env, as docs/settings.md describes; "
        "`signalpost doctor` checks them"
    ),
    "crypto_error": (
        "compare TOKEN_ENCRYPTION_KEYS with the keys that the rows were encrypted with: "
        "`signalpost tokens rotate-keys --dry-run` counts them"
    ),
}


@dataclass(frozen=True)
class CommandFailure:
    """One failure. `message` says what and why, `advice` what to do about it."""

    code: str
    message: str
    advice: str | None = None


class CommandFailed(Exception):
    """A command cannot go on, for a reason that is already described."""

    def __init__(self, failure: CommandFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def describe_failure(error: Exception) -> CommandFailure | None:
    """Return what is known about an error; None for a fault of our own."""
    if isinstance(error, CommandFailed):
        return error.failure
    if isinstance(error, CoreError | PlatformError):
        return CommandFailure(error.code, str(error), find_code_advice(error.code))
    if isinstance(error, OSError) and error.filename is not None:
        return CommandFailure(FILE_CODE, f"{error.filename}: {error.strerror}")
    fault = find_database_fault(error)
    return None if fault is None else database_failure(fault)


def database_failure(fault: str, *, setting: str = "DATABASE_URL") -> CommandFailure:
    """Describe why the database that a setting names cannot be used."""
    named = "the database" if setting == "DATABASE_URL" else f"the database of {setting}"
    advice = find_advice(fault, setting=setting)
    return CommandFailure("SERVICE_UNAVAILABLE", f"{named} cannot be used: {fault}", advice)


@contextmanager
def explain_slow_search() -> Iterator[None]:
    """Errors: CommandFailed where a filter finds too few of too many rows."""
    try:
        yield
    except SearchTooSlow as error:
        message = "the filter takes too long: it selects too few of too many rows"
        raise CommandFailed(
            CommandFailure("SERVICE_UNAVAILABLE", message, "name a user, an account or a time")
        ) from error


def find_code_advice(code: str) -> str | None:
    """Return what to do about an error of this code, in the command that runs."""
    context = click.get_current_context(silent=True)
    if code == "VALIDATION_ERROR" and context is not None:
        return f"see `{context.command_path} --help`"
    if code == "NOT_FOUND" and context is not None and context.parent is not None:
        group = context.parent.command
        if isinstance(group, click.Group) and "list" in group.commands:
            return f"`{context.parent.command_path} list` shows what there is"
    return ADVICE_BY_CODE.get(code)


def describe_click_error(error: click.ClickException) -> CommandFailure:
    """Describe wrong usage, with the command whose help explains it, or a failure of a command."""
    message = error.format_message()
    if error.exit_code != USAGE_STATUS:
        return CommandFailure(FAILED_CODE, message)
    message = " ".join(message.split())  # click lists choices on lines of their own
    context = getattr(error, "ctx", None)
    path = "signalpost" if context is None else context.command_path
    return CommandFailure(USAGE_CODE, message, f"see `{path} --help`")


def print_failure(failure: CommandFailure, *, as_json: bool) -> None:
    """Print it to stderr for people, and for programs as the last line of stdout."""
    if as_json:
        error = {"code": failure.code, "message": failure.message, "advice": failure.advice}
        click.echo(to_json({"ok": False, "error": error}))
    click.echo(escape_lines(f"{failure.code}: {failure.message}"), err=True)
    if failure.advice:
        click.echo(escape_lines(f"What to do: {failure.advice}"), err=True)


def escape_lines(text: str) -> str:
    """Return a text for people. What a platform or a user wrote cannot control the terminal."""
    return "\n".join(escape_controls(line) for line in text.split("\n"))


def to_json(data: dict[str, Any]) -> str:
    return escape_controls(json.dumps(data, default=JsonProvider.default, ensure_ascii=False))
