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
    "posts killed at every step": "tests/flows/test_publishing_kills.py",
    "two hundred posts of every kind, each step struck": "tests/flows/test_publishing_kills_every_kind.py",
    "answers lost": "tests/flows/test_publishing_lost_responses.py",
    "addresses and grants that end midway": "tests/flows/test_publishing_expiry.py",
    "storms against a quota": "tests/flows/test_publishing_quota_burst.py",
    "controls that must complain": "tests/flows/test_publishing_safeguards.py",
    "stores lost": "tests/flows/test_publishing_store_loss.py",
    "RabbitMQ lost": "tests/flows/test_publishing_rabbitmq.py",
    "brokers under workers": "tests/flows/test_jobs_brokers.py",
    "deaf workers": "tests/flows/test_jobs_watchdog.py",
    "refreshes raced and killed": "tests/flows/test_accounts_refresh.py",
    "webhook storm": "tests/flows/test_webhooks_burst.py",
    "strange letters": "tests/flows/test_webhooks_hostile.py",
    "webhook rain, sixty kills and lost stores": "tests/flows/test_webhooks_chaos.py",
    "engine races and kills": "tests/db/test_jobs_races.py",
}
ALL_MARKS = "chaos or not chaos"  # the default run leaves the long forms out


class OutcomeCounter:
    """What pytest reports, as counts."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1


@click.command(help=__doc__)
@click.option("--only", type=click.Choice(sorted(SUITES)), multiple=True, help="some of the suites")
@click.option("--rounds", default=1, show_default=True, help="how often each suite is run")
@click.option("--out", default=ROOT / "build" / "chaos.json", type=click.Path(path_type=Path))
def main(only: tuple[str, ...], rounds: int, out: Path) -> None:
    selected = {name: path for name, path in SUITES.items() if name in (only or SUITES)}
    results: list[dict[str, str | float]] = [
        {"suite": name, "round": number, **run_suite(path)}
        for number in range(1, rounds + 1)
        for name, path in selected.items()
    ]
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2))
    Console().print(results_table(results))
    sys.exit(any(one["failed"] for one in results))


def run_suite(path: str) -> dict[str, float]:
    counter, started_at = OutcomeCounter(), time.monotonic()
    exit_code = pytest.main([str(ROOT / path), "-q", "-m", ALL_MARKS], plugins=[counter])
    failed = counter.outcomes["failed"] or int(exit_code != pytest.ExitCode.OK)
    seconds = round(time.monotonic() - started_at, 1)
    return {"passed": counter.outcomes["passed"], "failed": failed, "seconds": seconds}


def results_table(results: list[dict[str, str | float]]) -> Table:
    table = Table("suite", "round", "passed", "failed", "seconds", title="Chaos")
    for result in results:
        table.add_row(*(str(value) for value in result.values()))
    return table


if __name__ == "__main__":
    main()
