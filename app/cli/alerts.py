"""Alerts from a terminal, for installations that would rather look by cron than by beat."""

from collections.abc import Iterator

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from core.health import alerts as conditions


@click.group
def alerts() -> None:
    """What operators have to know of."""


@alerts.command("check")
@ONCE_OPTION
@interval_option(60_000)
@prints_results
def check(*, once: bool, interval: int) -> Iterator[CommandResult]:
    """Look at every condition: open what is new, end what is over."""
    yield from run_repeatedly(check_alerts, once=once, interval=interval)


def check_alerts() -> CommandResult:
    result = conditions.check_alerts(load_container().database)
    text = f"{result.active} active, {result.opened} of them new"
    return CommandResult(text, {"active": result.active, "opened": result.opened})
