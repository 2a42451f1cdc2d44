"""`signalpost alerts`: check the alert conditions, for installations that use cron, not beat."""

from collections.abc import Iterator

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from core.health import alerts


@click.group("alerts")
def alerts_group() -> None:
    """Alerts for operators."""


@alerts_group.command("check")
@ONCE_OPTION
@interval_option(60_000)
@prints_results
def check_command(*, once: bool, interval: int) -> Iterator[CommandResult]:
    """Check all conditions: open new alerts, resolve those whose condition has ended."""
    yield from run_repeatedly(check_alerts, once=once, interval=interval)


def check_alerts() -> CommandResult:
    result = alerts.check_alerts(load_container().database)
    text = f"{result.active} active, {result.opened} of them new"
    return CommandResult(text, {"active": result.active, "opened": result.opened})
