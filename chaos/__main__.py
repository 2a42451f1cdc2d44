"""The fault suite: every flow that kills, cuts off or starves something, long forms included.

Prints a table and writes `build/chaos.json`; ends with 1 if anything was lost or doubled.
"""

import json
import sys
import time
from collections import Counter
from pathlib import Path

import click
import pytest
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
SUITES = {
    "posts killed at every step": "tests/flows/test_kills.py",
    "two hundred posts of every kind, each step struck": "tests/flows/test_every_step.py",
    "answers lost": "tests/flows/test_lost_answers.py",
    "addresses and grants that end midway": "tests/flows/test_ends_midway.py",
    "storms against a quota": "tests/flows/test_quota_storm.py",
    "controls that must complain": "tests/flows/test_saboteurs.py",
    "stores lost": "tests/flows/test_broker_loss.py",
    "RabbitMQ lost": "tests/flows/test_rabbit_story.py",
    "brokers under workers": "tests/flows/test_brokers.py",
    "deaf workers": "tests/flows/test_watchdog.py",
    "refreshes raced and killed": "tests/flows/test_refresh.py",
    "webhook storm": "tests/flows/test_webhook_storm.py",
    "strange letters": "tests/flows/test_webhook_hostile.py",
    "webhook rain, sixty kills and lost stores": "tests/flows/test_webhook_chaos.py",
    "engine races and kills": "tests/db/test_races.py",
}
ALL = "chaos or not chaos"  # the default run leaves the long forms out


class Tally:
    """What pytest reports, as counts."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.ended[report.outcome] += 1


@click.command(help=__doc__)
@click.option("--only", type=click.Choice(sorted(SUITES)), multiple=True, help="some of the suites")
@click.option("--rounds", default=1, show_default=True, help="how often each suite is run")
@click.option("--out", default=ROOT / "build" / "chaos.json", type=click.Path(path_type=Path))
def main(only: tuple[str, ...], rounds: int, out: Path) -> None:
    chosen = {name: path for name, path in SUITES.items() if name in (only or SUITES)}
    told: list[dict[str, str | float]] = [
        {"suite": name, "round": number, **run(path)}
        for number in range(1, rounds + 1)
        for name, path in chosen.items()
    ]
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(told, indent=2))
    Console().print(table(told))
    sys.exit(any(one["failed"] for one in told))


def run(path: str) -> dict[str, float]:
    tally, began = Tally(), time.monotonic()
    code = pytest.main([str(ROOT / path), "-q", "-m", ALL], plugins=[tally])
    failed = tally.ended["failed"] or int(code != pytest.ExitCode.OK)
    seconds = round(time.monotonic() - began, 1)
    return {"passed": tally.ended["passed"], "failed": failed, "seconds": seconds}


def table(told: list[dict[str, str | float]]) -> Table:
    shown = Table("suite", "round", "passed", "failed", "seconds", title="Chaos")
    for one in told:
        shown.add_row(*(str(value) for value in one.values()))
    return shown


if __name__ == "__main__":
    main()
