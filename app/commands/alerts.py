"""Alerts from a terminal, for installations that would rather look by cron than by beat."""

from collections.abc import Iterator

import click

from app.commands.around import ONCE, every, house, repeated
from app.commands.spoken import Said, spoken
from core.health import alerts as conditions


@click.group
def alerts() -> None:
    """What operators have to know of."""


@alerts.command("check")
@ONCE
@every(60_000)
@spoken
def check(*, once: bool, interval: int) -> Iterator[Said]:
    """Look at every condition: open what is new, end what is over."""
    yield from repeated(look, once=once, interval=interval)


def look() -> Said:
    found = conditions.check(house().database)
    text = f"{found.active} active, {found.opened} of them new"
    return Said(text, {"active": found.active, "opened": found.opened})
