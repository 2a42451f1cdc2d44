"""The names of the series that our metrics have, and which of them a query asks for."""

import re

from prometheus_client import Counter, Histogram

from core.observability import metrics

SERIES_PATTERN = re.compile(r"\bsignalpost_[a-z_]+")
HISTOGRAM_SUFFIX = re.compile(r"_(bucket|count|sum)$")


def list_metric_names():
    """The names as queries use them: counters end in `_total`."""
    names = {f"signalpost_{name}" for name in metrics.GAUGE_LABELS}
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Histogram):
            (family,) = metric.describe()
            names.add(family.name + ("_total" if family.type == "counter" else ""))
    return names


def find_metric_names(query):
    """The names of metrics in a query; of a histogram without the suffix of its series."""
    return {HISTOGRAM_SUFFIX.sub("", name) for name in SERIES_PATTERN.findall(query)}
