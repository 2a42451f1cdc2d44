"""Keys that seal our secrets: a fresh one, and everything sealed anew with it."""

import click

from app.commands.around import house
from app.commands.spoken import Said, spoken
from core.accounts import rotation
from core.crypto import generate_key


@click.command
@spoken
def keygen() -> Said:
    """Make a fresh TOKEN_ENCRYPTION_KEY."""
    made = generate_key()
    return Said(made, {"key": made})


@click.command("rotate-keys")
@click.option("--dry-run", is_flag=True, help="Only count the values per key.")
@spoken
def rotate_keys(*, dry_run: bool) -> Said:
    """Seal every secret anew with the current key, while everything runs."""
    around = house()
    counts = rotation.rotate(around.database, around.world, dry_run=dry_run, report=progress)
    current = around.world.keys.current
    left = counts.left(current)
    per_key = ", ".join(f"{name}: {number}" for name, number in sorted(counts.keys.items()))
    text = (
        f"found {per_key or 'nothing'}; current is {current}; resealed {counts.resealed}, "
        f"{counts.unreadable} unreadable, {left} left under other keys"
    )
    data = {
        "keys": dict(counts.keys),
        "current": current,
        "resealed": counts.resealed,
        "overtaken": counts.overtaken,
        "unreadable": counts.unreadable,
        "left": left,
    }
    return Said(text, data, ok=not counts.unreadable)


def progress(column: str, counts: rotation.Counts) -> None:
    click.echo(f"{column}: {counts.done} of {sum(counts.keys.values())}", err=True)
