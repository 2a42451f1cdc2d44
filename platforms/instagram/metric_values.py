"""Reads the values of metrics out of Meta's answers. Missing data stay missing.

Source: Meta, media insights and account insights, text of 2026-09-11, read 2026-11-22.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from platforms.errors import MisdirectedResponse
from platforms.insights_base import MetricPoint, MetricReport
from platforms.instagram.node_reads import read_data
from platforms.json_body import MAX_COUNT
from platforms.vendor_values import read_list, read_number, read_object, read_text, read_time

MAX_NAME_LENGTH = 100  # characters
MAX_PARTS = 500  # values of one breakdown; demographics have 45


@dataclass
class MetricCollector:
    """Collects the metrics of several answers into one report."""

    counts: dict[str, int] = field(default_factory=dict)
    series: dict[str, tuple[MetricPoint, ...]] = field(default_factory=dict)
    parts: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    unavailable: list[str] = field(default_factory=list)

    def add_body(self, body: Mapping[str, Any], names: Sequence[str], *, subject_id: str) -> None:
        """Add the metrics of an answer that were asked for.

        Errors: MisdirectedResponse if one is of another subject; UnreadableResponse without a list.
        """
        for item in read_data(body):
            name = item.get("name")
            check_subject(item, subject_id)
            if isinstance(name, str) and name in names:
                self.add_item(name, item)

    def add_item(self, name: str, item: Mapping[str, Any]) -> None:
        total = read_object(item.get("total_value"))
        values = [value for value in map(read_object, read_list(item.get("values"))) if value]
        points = read_points(values)
        if points:
            self.series[name] = points
        elif total is None and values:
            self.add_count(name, values[-1].get("value"))
        if total is not None:
            self.add_count(name, total.get("value"))
            for breakdown, parts in read_parts(total).items():
                self.parts.setdefault(name, {})[breakdown] = parts

    def add_count(self, name: str, value: Any) -> None:
        count = read_metric_value(value)
        if count is not None:
            self.counts.setdefault(name, count)

    def drop_counts(self, names: Sequence[str]) -> None:
        """Forget the totals of metrics that are no sum of their parts."""
        for name in names:
            self.counts.pop(name, None)

    def rename_parts(self, name: str, old: str, new: str) -> None:
        parts = self.parts.get(name, {})
        if old in parts:
            parts[new] = parts.pop(old)

    def build_report(self) -> MetricReport:
        answered = {*self.counts, *self.series, *self.parts}
        missing = [name for name in dict.fromkeys(self.unavailable) if name not in answered]
        return MetricReport(self.counts, self.series, self.parts, tuple(missing))


def check_subject(item: Mapping[str, Any], subject_id: str) -> None:
    """Compare whom a metric is of with who was asked for: `{subject}/insights/{name}/{period}`."""
    text = read_text(item.get("id"), MAX_NAME_LENGTH * 4) or ""
    named, separator, _ = text.partition("/insights/")
    if separator and named != subject_id:
        raise MisdirectedResponse("the metrics are of another subject than the request")


def read_points(values: Sequence[Mapping[str, Any]]) -> tuple[MetricPoint, ...]:
    """Return the values that have a time, oldest first."""
    points = []
    for value in values:
        ends_at, count = read_time(value.get("end_time")), read_metric_value(value.get("value"))
        if ends_at is not None and count is not None:
            points.append(MetricPoint(ends_at, count))
    return tuple(sorted(points, key=point_time))


def point_time(point: MetricPoint) -> datetime:
    return point.ends_at


def read_parts(total: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Return breakdown → value → count; several breakdowns at once were not asked for."""
    parts: dict[str, dict[str, int]] = {}
    for breakdown in map(read_object, read_list(total.get("breakdowns"))):
        keys = read_list((breakdown or {}).get("dimension_keys"))
        if breakdown is None or len(keys) != 1 or not isinstance(keys[0], str):
            continue
        results = list(map(read_object, read_list(breakdown.get("results"))))[:MAX_PARTS]
        counts = [read_part(result) for result in results if result is not None]
        parts[keys[0]] = dict(part for part in counts if part is not None)
    return parts


def read_part(result: Mapping[str, Any]) -> tuple[str, int] | None:
    names = read_list(result.get("dimension_values"))
    name = read_text(names[0], MAX_NAME_LENGTH) if len(names) == 1 else None
    count = read_metric_value(result.get("value"))
    return None if name is None or count is None else (name, count)


def read_metric_value(value: Any) -> int | None:
    """Return a value as a whole number; averages are rounded. Nothing of Meta's is below zero."""
    number = read_number(value)
    if number is None or not 0 <= number <= MAX_COUNT:
        return None
    return round(number)
