"""Every panel of the dashboards is answered with points by a Prometheus that scrapes a stack.

A Grafana cannot run here: its queries are sent in its place.
"""

import json
import math
import subprocess
import time
from pathlib import Path

import pytest
import requests
import yaml

from local.ports import find_free_port
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.promtool import find_command
from tests.flows.test_ops_metrics import metrics_bearer
from tests.support.metric_names import find_metric_names, list_metric_names

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "grafana"
DASHBOARDS = [json.loads(file.read_text()) for file in sorted(FOLDER.glob("dashboards/*.json"))]
PANELS = [panel for dashboard in DASHBOARDS for panel in dashboard["panels"]]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
SCALING_FOLDER = ROOT / "deploy" / "k8s" / "components" / "keda"
SCALING_QUERIES = [
    trigger["metadata"]["query"]
    for file in sorted(SCALING_FOLDER.glob("*.yaml"))
    for trigger in yaml.safe_load(file.read_text()).get("spec", {}).get("triggers", ())
]
"""By which KEDA scales workers on Kubernetes."""

SCRAPE_INTERVAL = 1  # seconds
RATE_WINDOW, RANGE = "15s", "2m"
TIMEOUT = 10  # seconds for one answer
POINTS_TIMEOUT = 40  # seconds


@pytest.fixture
def prometheus(stack, tmp_path):
    """The address of a Prometheus that scrapes the stack, with the rules that are shipped."""
    port = find_free_port()
    token = tmp_path / "token"
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
    config_file = tmp_path / "prometheus.yml"
    config_file.write_text(yaml.safe_dump(config))
    process = start_process(
        (
            find_command("prometheus"),
            f"--config.file={config_file}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ),
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}"
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


def has_points(prometheus, query):
    """Whether the answer has a number at any time."""
    values = [value for series in query_range(prometheus, query) for _, value in series["values"]]
    return any(not math.isnan(float(value)) for value in values)


def is_scraped(prometheus):
    try:
        return has_points(prometheus, "signalpost_build_info")
    except requests.ConnectionError:
        return False


def test_every_panel_and_scaling_query_is_answered_with_points(stack, api_user, prometheus):
    assert len(SCALING_QUERIES) > 6
    api_user.wait_until_final(api_user.publish_file())
    wait_until(lambda: is_scraped(prometheus), what="the first scrape")
    assert not has_points(prometheus, "signalpost_upload_totals")  # a name that does not exist
    api_user.wait_until_final(api_user.publish_file())

    def without_points():
        queries = (*QUERIES, *SCALING_QUERIES)
        return [query for query in queries if not has_points(prometheus, query)]

    deadline = time.monotonic() + POINTS_TIMEOUT
    while (missing := without_points()) and time.monotonic() < deadline:
        time.sleep(SCRAPE_INTERVAL)
    assert missing == []


def test_queries_use_series_that_exist():
    unknown = {name for query in QUERIES for name in find_metric_names(query)}
    assert unknown - list_metric_names() == set()


def test_every_metric_is_on_a_panel():
    drawn = {name for query in QUERIES for name in find_metric_names(query)}
    assert list_metric_names() - drawn == set()


def test_dashboards_use_the_provided_source_and_have_room():
    (source,) = yaml.safe_load((FOLDER / "datasources" / "prometheus.yml").read_text())[
        "datasources"
    ]
    uids = {panel["datasource"]["uid"] for panel in PANELS}
    assert uids == {source["uid"]}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS:
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len({*places}) == len(places)
        assert len({*ids}) == len(ids)
