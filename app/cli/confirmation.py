"""Asking before something is destroyed that cannot be restored."""

import sys

import click

from app.cli.failures import CommandFailed, CommandFailure

UNCONFIRMED_CODE = "NOT_CONFIRMED"
YES_OPTION = click.option("is_confirmed", "--yes", is_flag=True, help="Do not ask: do it.")


def require_confirmation(question: str, *, is_confirmed: bool) -> None:
    """Ask at the terminal unless `--yes` was given. Errors: CommandFailed without a yes."""
    if is_confirmed:
        return
    if not sys.stdin.isatty():
        message = "nothing was done: there is no terminal to ask at"
        raise CommandFailed(CommandFailure(UNCONFIRMED_CODE, message, "confirm with --yes"))
    if not click.confirm(question, err=True):
        raise CommandFailed(CommandFailure(UNCONFIRMED_CODE, "nothing was done"))
