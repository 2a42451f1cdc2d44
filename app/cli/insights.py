"""`signalpost insights`: fetch the metrics that are due, beside the workers."""

from collections.abc import Iterator

import click

from app.cli.command import DocumentedCommand
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from core import insights


@click.command(
    "insights",
    cls=DocumentedCommand,
    examples=("signalpost insights --once", "signalpost insights --interval 21600000"),
    failure="a request was refused, or failed",
    fields="total answered failed skipped errors",
)
@ONCE_OPTION
@interval_option(21_600_000)
@prints_results
def insights_command(*, once: bool, interval: int) -> Iterator[CommandResult]:
    """Fetch the metrics that are due.

    A worker of its own, beside those of Celery; it runs until SIGTERM or Ctrl-C.
    """
    yield from run_repeatedly(sample_due, once=once, interval=interval)


def sample_due() -> CommandResult:
    container = load_container()
    report = insights.sample_due_insights(container.database, container.services)
    errors = [
        {"accountId": failure.account_id, "error": failure.code} for failure in report.failures
    ]
    counts = {
        "total": report.total,
        "answered": report.answered,
        "failed": len(errors),
        "skipped": report.skipped,
    }
    lines = [", ".join(f"{number} {name}" for name, number in counts.items())]
    lines += [f"account {error['accountId']}: {error['error']}" for error in errors]
    return CommandResult("\n".join(lines), {**counts, "errors": errors}, ok=not errors)
