"""A real Prometheus that scrapes a stack, and what it answers to queries."""

import math
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from local.ports import find_free_port
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.prometheus_commands import find_command
from tests.flows.test_ops_metrics import metrics_bearer

ROOT = Path(__file__).parents[2]
SCRAPE_INTERVAL = 1  # seconds
RATE_WINDOW, RANGE = "15s", "2m"
TIMEOUT = 10  # seconds for one answer


@pytest.fixture
def prometheus(stack, tmp_path):
    """The address of a Prometheus that has scraped the shared stack."""
    with run_prometheus(stack, tmp_path) as address:
        yield address


@contextmanager
def run_prometheus(stack, folder):
    """Yield the address of one that has scraped the stack, with the rules that are shipped."""
    port = find_free_port()
    token = folder / "token"
    token.write_text(metrics_bearer(stack)["Authorization"].removeprefix("Bearer "))
    config = {
        "global": {"scrape_interval": f"{SCRAPE_INTERVAL}s", "evaluation_interval": "1s"},
        "rule_files": [str(file) for file in sorted((ROOT / "deploy" / "rules").glob("*.yml"))],
        "scrape_configs": [
            {
                "job_name": "web",
                "authorization": {"credentials_file": str(token)},
                "static_configs": [{"targets": [stack.info["web"].removeprefix("http://")]}],
            }
        ],
    }
    config_file = folder / "prometheus.yml"
    config_file.write_text(yaml.safe_dump(config))
    process = start_process(
        (
            find_command("prometheus"),
            f"--config.file={config_file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ),
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_scraped(address), what="the first scrape")
        yield address
    finally:  # one that is left scrapes the shared stack each second, until the run ends
        process.terminate()
        process.wait(30)


def query_range(prometheus, query):
    """What a panel would draw: the answer to its query over the last two minutes."""
    now = time.time()
    expression = query.replace("$__rate_interval", RATE_WINDOW).replace("$__range", RANGE)
    parameters = {"query": expression, "start": now - 120, "end": now, "step": SCRAPE_INTERVAL}
    answer = requests.get(
        f"{prometheus}/api/v1/query_range", params=parameters, timeout=TIMEOUT
    ).json()
    assert answer["status"] == "success", (query, answer.get("error"))
    return answer["data"]["result"]


def query_now(prometheus, query):
    """The sum of what this query answers now; None if no series answers."""
    answer = requests.get(
        f"{prometheus}/api/v1/query", params={"query": query}, timeout=TIMEOUT
    ).json()
    assert answer["status"] == "success", (query, answer.get("error"))
    values = [float(series["value"][1]) for series in answer["data"]["result"]]
    return sum(values) if values else None


def has_points(prometheus, query):
    """Whether the answer has a number at any time."""
    values = [value for series in query_range(prometheus, query) for _, value in series["values"]]
    return any(not math.isnan(float(value)) for value in values)


def is_scraped(prometheus):
    try:
        is_ready = requests.get(f"{prometheus}/-/ready", timeout=TIMEOUT).ok
        return is_ready and has_points(prometheus, "signalpost_build_info")
    except (requests.ConnectionError, requests.Timeout):
        return False


def list_alert_states(prometheus, alert):
    """Return the states of the alert, `pending` or `firing`; none while it is silent."""
    answer = requests.get(f"{prometheus}/api/v1/alerts", timeout=TIMEOUT).json()
    alerts = answer["data"]["alerts"]
    return {each["state"] for each in alerts if each["labels"]["alertname"] == alert}
