"""Encryption keys of stored secrets: generate one, and encrypt everything again with it."""

from functools import partial

import click

from app.cli.command import DocumentedCommand
from app.cli.output import CommandResult, prints_results
from app.cli.progress import ReportStep, show_progress
from app.cli.runtime import load_container
from core.accounts import key_rotation
from core.encryption_keys import generate_key


@click.command(
    "keygen",
    cls=DocumentedCommand,
    examples=("signalpost keygen", "signalpost keygen > token_encryption_key.txt"),
    fields="key",
)
@prints_results
def keygen_command() -> CommandResult:
    """Generate a new TOKEN_ENCRYPTION_KEY: 32 bytes in base64."""
    new_key = generate_key()
    return CommandResult(new_key, {"key": new_key})


@click.command(
    "rotate-keys",
    cls=DocumentedCommand,
    examples=("signalpost tokens rotate-keys --dry-run", "signalpost tokens rotate-keys"),
    failure="some values cannot be decrypted with any of the keys",
    fields=("keys", "current", "resealed", "overtaken", "unreadable", "left"),
)
@click.option("--dry-run", is_flag=True, help="Only count the values per key.")
@prints_results
def rotate_keys_command(*, dry_run: bool) -> CommandResult:
    """Encrypt every stored secret with the current key.

    The service keeps running meanwhile. Can be stopped and run again at any time.
    """
    container = load_container()
    with show_progress() as report_step:
        counts = key_rotation.rotate_keys(
            container.database,
            container.services,
            dry_run=dry_run,
            report=partial(report_column, report_step),
        )
    current = container.services.key_ring.current_key_id
    remaining = counts.remaining(current)
    per_key = ", ".join(
        f"{name}: {number}" for name, number in sorted(counts.values_by_key.items())
    )
    text = (
        f"found {per_key or 'nothing'}; current is {current}; re-encrypted {counts.reencrypted}, "
        f"{counts.unreadable} unreadable, {remaining} left under other keys"
    )
    data = {
        "keys": dict(counts.values_by_key),
        "current": current,
        "resealed": counts.reencrypted,
        "overtaken": counts.changed_meanwhile,
        "unreadable": counts.unreadable,
        "left": remaining,
    }
    return CommandResult(text, data, ok=not counts.unreadable)


def report_column(
    report_step: ReportStep, column: str, counts: key_rotation.RotationCounts
) -> None:
    report_step(column, counts.processed, sum(counts.values_by_key.values()))
