"""Access tokens from a terminal: renewed as they fall due, or sealed with a newer key."""

from collections.abc import Iterator

import click

from app.cli.encryption_keys import rotate_keys
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from app.serialize.accounts import serialize_refresh_result
from core import accounts


@click.group
def tokens() -> None:
    """Access tokens of connected accounts."""


tokens.add_command(rotate_keys)


@tokens.command("refresh")
@ONCE_OPTION
@interval_option(1_800_000)
@prints_results
def refresh(*, once: bool, interval: int) -> Iterator[CommandResult]:
    """Renew the tokens that are due; ends with 1 if any of them could not be."""
    yield from run_repeatedly(refresh_due_tokens, once=once, interval=interval)


def refresh_due_tokens() -> CommandResult:
    container = load_container()
    report = accounts.refresh_due_accounts(container.database, container.services)
    fields = serialize_refresh_result(report)
    faults = fields["errors"]
    lines = [", ".join(f"{number} {name}" for name, number in fields.items() if name != "errors")]
    lines += [
        f"account {error['accountId']} ({error['provider']}): {error['error']}" for error in faults
    ]
    return CommandResult("\n".join(lines), fields, ok=not faults)
