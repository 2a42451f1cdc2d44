"""Numbers from a terminal: those that are due are asked for here and now, beside the workers."""

from collections.abc import Iterator

import click

from app.commands.around import ONCE, every, house, repeated
from app.commands.spoken import Said, spoken
from core import insights as numbers


@click.command
@ONCE
@every(21_600_000)
@spoken
def insights(*, once: bool, interval: int) -> Iterator[Said]:
    """Ask for the numbers that are due; ends with 1 if any question was refused or failed."""
    yield from repeated(sample, once=once, interval=interval)


def sample() -> Said:
    around = house()
    swept = numbers.sample(around.database, around.world)
    faults = [{"accountId": fault.account_id, "error": fault.code} for fault in swept.faults]
    counts = {
        "total": swept.total,
        "answered": swept.answered,
        "failed": len(faults),
        "skipped": swept.skipped,
    }
    lines = [", ".join(f"{number} {name}" for name, number in counts.items())]
    lines += [f"account {each['accountId']}: {each['error']}" for each in faults]
    return Said("\n".join(lines), {**counts, "errors": faults}, ok=not faults)
