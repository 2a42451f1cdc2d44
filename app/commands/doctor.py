"""`signalpost doctor`: what is wrong with this installation, and what to do about it."""

from collections.abc import Iterator

import click

from app.commands.around import house
from app.commands.spoken import Said, spoken
from core.errors import Misconfigured
from core.health.doctor import Check, examine, misconfigured
from core.health.readiness import Readiness
from tasks import broker


@click.command
@click.option("--probe", is_flag=True, help="Show the platforms our credentials.")
@spoken
def doctor(*, probe: bool) -> Iterator[Said]:
    """Check settings, stores, broker, clock, beat, platforms and reachability."""
    yield from (told(check) for check in checks(probe=probe))


def checks(*, probe: bool) -> Iterator[Check]:
    try:
        around = house()
    except Misconfigured as error:
        yield from misconfigured(error)
        return
    readiness = Readiness(around.database, around.world, broker.answers)
    yield from examine(around.database, around.world, readiness, probe=probe)


def told(check: Check) -> Said:
    mark = "ok   " if check.ok else "FAULT"
    advice = f"\n      {check.advice}" if check.advice and not check.ok else ""
    data = {"check": check.name, "said": check.said, "advice": check.advice}
    return Said(f"{mark} {check.name}: {check.said}{advice}", data, ok=check.ok)
