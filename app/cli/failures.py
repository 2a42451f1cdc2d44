"""What went wrong with a command, for people and for programs: code, message and what to do."""

import json
from dataclasses import dataclass

import click

from app.cli.command import USAGE_STATUS
from core.observability.control_characters import escape_controls

USAGE_CODE = "USAGE"  # wrong usage of the command line: the API has no such code
FAILED_CODE = "FAILED"
FILE_CODE = "FILE_ERROR"


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
        text = json.dumps({"ok": False, "error": error}, ensure_ascii=False)
        click.echo(escape_controls(text))
    click.echo(escape_lines(f"{failure.code}: {failure.message}"), err=True)
    if failure.advice:
        click.echo(escape_lines(f"What to do: {failure.advice}"), err=True)


def escape_lines(text: str) -> str:
    """Return a text for people. What a platform or a user wrote cannot control the terminal."""
    return "\n".join(escape_controls(line) for line in text.split("\n"))
