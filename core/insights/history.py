"""History of metrics: a series of points over time, with None where a metric is unknown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.insights.sampled_platforms import get_rules
from core.insights.sampling_job import ACCOUNT_SUBJECT, DESTINATION_SUBJECT
from db.insights.snapshots import MetricSnapshots, MetricSubject, MetricValue, TimeRange
from db.session import Session

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SERIES_STEPS: Mapping[str, timedelta | None] = {"raw": None, "hour": HOUR, "day": DAY}
"""Name of a step → its length; None: every value."""

DEFAULT_STEPS = ((3 * DAY, "raw"), (30 * DAY, "hour"))
"""(Longest time range, default step) in ascending order; longer ranges get the step `day`."""


@dataclass(frozen=True)
class SeriesPoint:
    at: datetime
    values: Mapping[str, int | None]


@dataclass(frozen=True)
class Series:
    """Points, oldest first. `next_after` is the cursor of the next page; None at the end."""

    points: Sequence[SeriesPoint]
    step: str
    next_after: datetime | None


def list_metrics(subject: MetricSubject) -> tuple[str, ...]:
    """Return the names of the metrics that subjects of this kind have on their platform."""
    rules = get_rules(subject.provider)
    is_account = subject.kind in {ACCOUNT_SUBJECT, DESTINATION_SUBJECT}
    return rules.account_metrics if is_account else rules.item_metrics


def default_step(length: timedelta) -> str:
    """Return the step for a time range of this length: the longer, the coarser."""
    return next((step for max_length, step in DEFAULT_STEPS if length <= max_length), "day")


def load_series(
    session: Session,
    subject: MetricSubject,
    metrics: Sequence[str],
    *,
    since: datetime,
    until: datetime,
    step: str,
    after: datetime | None = None,
    limit: int,
) -> Series:
    """Load the last value of each metric per interval, `limit` intervals per page.

    The caller has checked that the user may see the subject.
    """
    time_range = TimeRange(since, until, SERIES_STEPS[step])
    values = MetricSnapshots(session).series(
        subject, metrics, time_range, after=after, limit=limit + 1
    )
    values_by_slot: dict[datetime, list[MetricValue]] = {}
    for value in values:
        values_by_slot.setdefault(value.slot, []).append(value)
    page_slots = list(values_by_slot)[:limit]
    points = [build_point(values_by_slot[slot], metrics) for slot in page_slots]
    return Series(points, step, page_slots[-1] if len(values_by_slot) > limit else None)


def build_point(values: Sequence[MetricValue], metrics: Sequence[str]) -> SeriesPoint:
    """Combine the values of one interval; its time is that of the newest value."""
    values_by_metric = {value.metric: value.value for value in values}
    at = max(value.at for value in values)
    return SeriesPoint(at, {metric: values_by_metric.get(metric) for metric in metrics})
