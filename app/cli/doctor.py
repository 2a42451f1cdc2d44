"""`signalpost doctor`: find faults of this installation and say what to do about them."""

from collections.abc import Iterator

import click

from app.cli.command import DocumentedCommand
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from core.errors import Misconfigured
from core.health.doctor import run_checks, settings_checks
from core.health.doctor_check import DoctorCheck
from core.health.readiness import Readiness
from tasks import broker_ping


@click.command(
    "doctor",
    cls=DocumentedCommand,
    examples=("signalpost doctor", "signalpost doctor --probe --json"),
    failure="a check has found a fault",
    fields="check said advice",
)
@click.option("--probe", is_flag=True, help="Also try our credentials at the platforms.")
@prints_results
def doctor_command(*, probe: bool) -> Iterator[CommandResult]:
    """Find faults of this installation, and say what to do.

    Checks settings, stores, broker, clock, beat, the mail server, the list of erasures, platforms
    and whether platforms reach us.
    """
    yield from (check_result(check) for check in check_installation(probe=probe))


def check_installation(*, probe: bool) -> Iterator[DoctorCheck]:
    """Run all checks, or only those of the settings if these are not valid."""
    try:
        container = load_container()
    except Misconfigured as error:
        yield from settings_checks(error)
        return
    readiness = Readiness(container.database, container.services, broker_ping.is_broker_reachable)
    yield from run_checks(
        container.database,
        container.services,
        readiness,
        probe=probe,
        find_broker_fault=broker_ping.find_broker_fault,
    )


def check_result(check: DoctorCheck) -> CommandResult:
    mark = "ok   " if check.ok else "FAULT"
    advice = f"\n      {check.advice}" if check.advice and not check.ok else ""
    fields = {"check": check.name, "said": check.message, "advice": check.advice}
    return CommandResult(f"{mark} {check.name}: {check.message}{advice}", fields, ok=check.ok)
