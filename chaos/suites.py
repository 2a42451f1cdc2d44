"""The long fault suite: all tests that kill, freeze or cut off something, with their long forms."""

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
SUITES = {
    "workers killed at every publishing step": "tests/flows/test_publishing_kills.py",
    "204 posts of every kind, workers killed at each step": (
        "tests/flows/test_publishing_kills_every_kind.py"
    ),
    "204 Instagram posts, workers killed at each step": "tests/flows/test_instagram_kills.py",
    "large, odd and forged Instagram deliveries": "tests/flows/test_instagram_deliveries.py",
    "responses of the platform lost": "tests/flows/test_publishing_lost_responses.py",
    "upload URLs and grants that expire": "tests/flows/test_publishing_expiry.py",
    "fifty requests at once against a quota of five": "tests/flows/test_publishing_quota_burst.py",
    "negative controls": "tests/flows/test_publishing_safeguards.py",
    "Redis, Postgres and beat killed": "tests/flows/test_publishing_store_loss.py",
    "Postgres failed over and read-only under a whole stack": (
        "tests/flows/test_postgres_whole_stack.py"
    ),
    "RabbitMQ killed": "tests/flows/test_publishing_rabbitmq.py",
    "a network host cut off, and one that loses packets": "tests/flows/test_worker_hosts.py",
    "a node of a RabbitMQ cluster killed": "tests/flows/test_brokers_rabbitmq_cluster.py",
    "brokers killed and frozen under workers": "tests/flows/test_jobs_brokers.py",
    "workers that receive no messages": "tests/flows/test_jobs_watchdog.py",
    "token refreshes raced and killed": "tests/flows/test_accounts_refresh.py",
    "webhook burst": "tests/flows/test_webhooks_burst.py",
    "malformed and hostile deliveries": "tests/flows/test_webhooks_hostile.py",
    "webhook stream, sixty kills and lost stores": "tests/flows/test_webhooks_chaos.py",
    "a video of four gigabytes through the page": "tests/browser/test_large_video.py",
    "every page in other languages and colours": "tests/browser/test_accessibility.py",
    "the frame of the pages in other languages and colours": "tests/browser/test_frame.py",
    "the inbox against its model": "tests/db/test_webhooks_state_machine.py",
    "posts against their model": "tests/db/test_publishing_state_machine.py",
    "tokens against their model": "tests/db/test_accounts_state_machine.py",
    "races for claims and leases": "tests/db/test_jobs_races.py",
}
ALL_MARKS = "chaos or not chaos"  # the default run skips the long forms


class OutcomeCounter:
    """A pytest plugin that counts test outcomes."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.outcome] += 1


def run_suites(only: tuple[str, ...], rounds: int, out: Path) -> int:
    """Run the suites, print a table, write the JSON file; return the exit status."""
    selected = {name: path for name, path in SUITES.items() if name in (only or SUITES)}
    results: list[dict[str, str | float]] = [
        {"suite": name, "round": number, **run_suite(path)}
        for number in range(1, rounds + 1)
        for name, path in selected.items()
    ]
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(results, indent=2))
    Console().print(results_table(results))
    return int(any(result["failed"] for result in results))


def run_suite(path: str) -> dict[str, float]:
    """Run one test file in this process and return its counts and seconds."""
    counter = OutcomeCounter()
    started_at = time.monotonic()
    exit_code = pytest.main([str(ROOT / path), "-q", "-m", ALL_MARKS], plugins=[counter])
    failed = counter.outcomes["failed"] or int(exit_code != pytest.ExitCode.OK)
    seconds = round(time.monotonic() - started_at, 1)
    return {"passed": counter.outcomes["passed"], "failed": failed, "seconds": seconds}


def results_table(results: list[dict[str, str | float]]) -> Table:
    table = Table("suite", "round", "passed", "failed", "seconds", title="Chaos")
    for result in results:
        table.add_row(*(str(value) for value in result.values()))
    return table
