"""`signalpost tokens`: refresh the access tokens that are due, and rotate encryption keys."""

from collections.abc import Iterator

import click

from app.cli.command import CommandGroup
from app.cli.encryption_keys import rotate_keys_command
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from app.serialize.accounts import serialize_refresh_result
from core import accounts


@click.group("tokens", cls=CommandGroup)
def tokens_group() -> None:
    """Access tokens of accounts, and the keys that encrypt them."""


tokens_group.add_command(rotate_keys_command)


@tokens_group.command(
    "refresh",
    examples=("signalpost tokens refresh --once", "signalpost tokens refresh --interval 1800000"),
    failure="a refresh has failed",
    fields="total refreshed failed skipped errors",
)
@ONCE_OPTION
@interval_option(1_800_000)
@prints_results
def refresh_command(*, once: bool, interval: int) -> Iterator[CommandResult]:
    """Refresh the tokens that are due.

    A worker of its own, beside those of Celery; it runs until SIGTERM or Ctrl-C.
    """
    yield from run_repeatedly(refresh_due_tokens, once=once, interval=interval)


def refresh_due_tokens() -> CommandResult:
    container = load_container()
    report = accounts.refresh_due_accounts(container.database, container.services)
    fields = serialize_refresh_result(report)
    errors = fields["errors"]
    lines = [", ".join(f"{number} {name}" for name, number in fields.items() if name != "errors")]
    lines += [
        f"account {error['accountId']} ({error['provider']}): {error['error']}" for error in errors
    ]
    return CommandResult("\n".join(lines), fields, ok=not errors)
