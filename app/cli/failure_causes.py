"""Which failure of a command an error is, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.cli.failures import FILE_CODE, CommandFailed, CommandFailure
from core.errors import CoreError
from core.health.database_checks import find_advice
from db.session import find_database_fault
from db.statement_limits import SearchTooSlow
from platforms.errors import PlatformError

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
