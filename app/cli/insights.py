"""Numbers from a terminal: those that are due are asked for here and now, beside the workers."""

from collections.abc import Iterator

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from core import insights as numbers


@click.command
@ONCE_OPTION
@interval_option(21_600_000)
@prints_results
def insights(*, once: bool, interval: int) -> Iterator[CommandResult]:
    """Ask for the numbers that are due; ends with 1 if any question was refused or failed."""
    yield from run_repeatedly(sample_due, once=once, interval=interval)


def sample_due() -> CommandResult:
    container = load_container()
    report = numbers.sample_due_insights(container.database, container.services)
    faults = [{"accountId": fault.account_id, "error": fault.code} for fault in report.failures]
    counts = {
        "total": report.total,
        "answered": report.answered,
        "failed": len(faults),
        "skipped": report.skipped,
    }
    lines = [", ".join(f"{number} {name}" for name, number in counts.items())]
    lines += [f"account {error['accountId']}: {error['error']}" for error in faults]
    return CommandResult("\n".join(lines), {**counts, "errors": faults}, ok=not faults)
