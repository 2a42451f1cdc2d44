"""A campaign of faults against one whole stack under load, with a seed; or the long fault suite.

Prints what was done and what held, writes `build/chaos.json`, and exits with 1 if anything failed.
The same seed injects the same faults in the same order.
"""

import json
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from chaos.campaign import CampaignResult, run_campaign
from chaos.controls import run_controls
from chaos.plan import ChaosPlan, build_plan
from chaos.report import build_report, control_table, fault_table, invariant_table, summary_line
from chaos.suites import SUITES, run_suites

ROOT = Path(__file__).parents[1]
DEFAULT_MINUTES = 10.0
MAX_SEED = 10**6
PLAN_MODE, CONTROL_MODE, LONG_MODE = "plan", "control", "long"


@click.command(help=__doc__)
@click.option(
    "--minutes", default=DEFAULT_MINUTES, show_default=True, help="How long, checks included."
)
@click.option("--seed", type=int, help="Repeat the campaign of this seed.  [default: random]")
@click.option(
    "--plan", "mode", flag_value=PLAN_MODE, help="Print the plan as JSON, and do nothing."
)
@click.option(
    "--control",
    "mode",
    flag_value=CONTROL_MODE,
    help="Run only the controls, which have to find violations.",
)
@click.option(
    "--long", "mode", flag_value=LONG_MODE, help="Run all fault tests, with their long forms."
)
@click.option(
    "--only",
    type=click.Choice(sorted(SUITES)),
    multiple=True,
    help="With --long: run only this suite; may be repeated.",
)
@click.option("--rounds", default=1, help="With --long: how often to run each suite.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="Keep the data and logs of the stacks in this new folder.",
)
@click.option(
    "--out",
    default=ROOT / "build" / "chaos.json",
    type=click.Path(path_type=Path),
    help="The JSON file to write.  [default: build/chaos.json]",
)
def main(
    minutes: float,
    seed: int | None,
    mode: str | None,
    only: tuple[str, ...],
    rounds: int,
    keep: Path | None,
    out: Path,
) -> None:
    if mode == LONG_MODE or only:
        sys.exit(run_suites(only, rounds, out))
    plan = build_plan(secrets.randbelow(MAX_SEED) if seed is None else seed, minutes)
    if mode == PLAN_MODE:
        print(json.dumps(plan.as_dict(), indent=2))
        return
    with tempfile.TemporaryDirectory(prefix="signalpost-chaos-") as name:
        report = run_with_controls(plan, keep or Path(name), has_campaign=mode != CONTROL_MODE)
    write_report(report, out)
    sys.exit(1 if report["problems"] else 0)


def run_with_controls(plan: ChaosPlan, folder: Path, *, has_campaign: bool) -> dict[str, Any]:
    """Run the campaign and the controls, print the tables, return the report."""
    console = Console()
    console.print(f"seed {plan.seed}: {len(plan.faults)} faults, {plan.kill_count} kills planned")
    result = CampaignResult(plan)
    for part in (folder, folder / "campaign", folder / "controls"):
        part.mkdir(exist_ok=True)
        part.chmod(0o755)  # Postgres runs as another user
    if has_campaign:
        result = run_campaign(plan, folder / "campaign", console.print)
    controls = run_controls(folder / "controls", console.print)
    report = build_report(result, controls)
    tables = [fault_table, invariant_table] if has_campaign else []
    for build_table in (*tables, control_table):
        console.print(build_table(report))
    print_problems(console, report)
    console.print(summary_line(report))
    return report


def print_problems(console: Console, report: dict[str, Any]) -> None:
    table = Table("problem", title="Problems")
    for problem in report["problems"]:
        table.add_row(problem)
    if report["problems"]:
        console.print(table)


def write_report(report: dict[str, Any], out: Path) -> None:
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
