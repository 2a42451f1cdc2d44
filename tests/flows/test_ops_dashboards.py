"""Every panel of the dashboards is answered with points by a Prometheus that scrapes a stack.

A Grafana cannot run here: its queries are sent in its place.
"""

import json
import time
from pathlib import Path

import yaml

from tests.flows.prometheus_server import SCRAPE_INTERVAL, has_points
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

POINTS_TIMEOUT = 120  # seconds


def test_every_panel_and_scaling_query_is_answered_with_points(stack, api_user, prometheus):
    assert len(SCALING_QUERIES) > 6
    api_user.wait_until_final(api_user.publish_file())
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
