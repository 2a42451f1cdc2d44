"""The counters and gauges of this machine as a short list, for operators without Prometheus."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.observability import metrics

PREFIX = "signalpost_"
FIRST_METRICS = (
    "signalpost_oauth_flow",
    "signalpost_upload",
    "signalpost_webhook_received",
    "signalpost_webhook_processed",
    "signalpost_token_refresh",
)
"""They stand before all others, which follow by name: the list has an end."""


class CountedSeries(NamedTuple):
    """One value. `kind`: counter, since the processes of this machine started, or gauge, now."""

    name: str
    kind: str
    labels: Mapping[str, str]
    value: float


def list_series(gauge_values: metrics.GaugeValues) -> Sequence[CountedSeries]:
    """Return the gauges, and the counters that have counted something."""
    series = [
        CountedSeries(sample.name, family.type, sample.labels, sample.value)
        for family in metrics.list_families(gauge_values)
        if family.name.startswith(PREFIX)
        for sample in family.samples
        if is_listed(family.type, sample.name, sample.value)
    ]
    return sorted(series, key=series_order)


def is_listed(kind: str, name: str, value: float) -> bool:
    if kind == "counter":
        return name.endswith("_total") and value > 0
    return kind == "gauge"


def series_order(series: CountedSeries) -> tuple[int, str, list[tuple[str, str]]]:
    name = series.name.removesuffix("_total")
    rank = FIRST_METRICS.index(name) if name in FIRST_METRICS else len(FIRST_METRICS)
    return rank, series.name, sorted(series.labels.items())
