"""The metrics of `/metrics`, with their labels and the panels that draw them."""

import json
from collections.abc import Iterator

from prometheus_client import Counter, Histogram

from core.observability import metrics
from tests.references.alert_list import DASHBOARDS
from tests.references.markdown import WRITTEN_BY, format_table
from tests.support.metric_names import find_metric_names

INTRODUCTION = f"""# Metrics

{WRITTEN_BY}

`/metrics` of web processes has all of them; a worker's page has what it counts. Gauges are read from rows, so that each web process shows the same: `max by (…)` of a gauge, `sum by (…)` of a counter. A histogram has the series `…_bucket`, `…_sum` and `…_count`. How to scrape: [running signalpost](../operations.md#what-to-monitor).

"""  # noqa: E501 - a paragraph is one line in our documents


def render_metrics() -> str:
    header = ("Metric", "Kind", "Labels", "Counts", "Panels")
    rows = sorted([*list_counted(), *list_gauges()])
    return INTRODUCTION + "\n".join(format_table(header, rows)) + "\n"


def list_counted() -> Iterator[tuple[str, ...]]:
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Histogram):
            (family,) = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)
            yield f"`{name}`", family.type, labels, family.documentation, list_panels(name)


def list_gauges() -> Iterator[tuple[str, ...]]:
    for name, labels in metrics.GAUGE_LABELS.items():
        label_names = ", ".join(f"`{label}`" for label in labels)
        full_name = f"signalpost_{name}"
        yield f"`{full_name}`", "gauge", label_names, name.replace("_", " "), list_panels(full_name)


def list_panels(name: str) -> str:
    """The panels that draw this metric."""
    found = [
        f"{file.stem} / {panel['title']}"
        for file in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]
        if any(name in find_metric_names(target["expr"]) for target in panel["targets"])
    ]
    return "<br>".join(found)
