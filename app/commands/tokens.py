"""Access tokens from a terminal: renewed as they fall due, or sealed with a newer key."""

from collections.abc import Iterator

import click

from app.commands.around import ONCE, every, house, repeated
from app.commands.sealing import rotate_keys
from app.commands.spoken import Said, spoken
from app.swept import shown
from core import accounts


@click.group
def tokens() -> None:
    """Access tokens of connected accounts."""


tokens.add_command(rotate_keys)


@tokens.command("refresh")
@ONCE
@every(1_800_000)
@spoken
def refresh(*, once: bool, interval: int) -> Iterator[Said]:
    """Renew the tokens that are due; ends with 1 if any of them could not be."""
    yield from repeated(sweep, once=once, interval=interval)


def sweep() -> Said:
    around = house()
    swept = accounts.sweep(around.database, around.world)
    told = shown(swept)
    faults = told["errors"]
    lines = [", ".join(f"{number} {name}" for name, number in told.items() if name != "errors")]
    lines += [
        f"account {each['accountId']} ({each['provider']}): {each['error']}" for each in faults
    ]
    return Said("\n".join(lines), told, ok=not faults)
