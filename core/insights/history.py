"""Numbers over time, as points: what the platform told at each, and None where it did not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.insights import seen, totals
from db.insights import Snapshots, Span, Subject, Value
from db.session import Session
from db.videos import NUMBERS

METRICS: Mapping[str, tuple[str, ...]] = {totals.KIND: totals.NUMBERS, seen.KIND: NUMBERS}
"""Kind of subject → what is known of it over time."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS: Mapping[str, timedelta | None] = {"raw": None, "hour": HOUR, "day": DAY}
USUAL = ((3 * DAY, "raw"), (30 * DAY, "hour"))
"""A span so long at most → how finely it is shown unless somebody says otherwise."""


@dataclass(frozen=True)
class Point:
    at: datetime
    values: Mapping[str, int | None]


@dataclass(frozen=True)
class Series:
    """Oldest first. `next_after` is the slot to go on from; None at the end."""

    points: Sequence[Point]
    step: str
    next_after: datetime | None


def step_for(length: timedelta) -> str:
    return next((step for longest, step in USUAL if length <= longest), "day")


def series(
    session: Session,
    subject: Subject,
    metrics: Sequence[str],
    *,
    since: datetime,
    until: datetime,
    step: str,
    after: datetime | None = None,
    limit: int,
) -> Series:
    """The last values of each interval; whose subject it is, the caller has made sure."""
    span = Span(since, until, STEPS[step])
    values = Snapshots(session).series(subject, metrics, span, after=after, limit=limit + 1)
    slots: dict[datetime, list[Value]] = {}
    for value in values:
        slots.setdefault(value.slot, []).append(value)
    here = dict(list(slots.items())[:limit])
    more = list(here)[-1] if len(slots) > limit else None
    return Series([point(told, metrics) for told in here.values()], step, more)


def point(told: Sequence[Value], metrics: Sequence[str]) -> Point:
    known = {value.metric: value.value for value in told}
    at = max(value.at for value in told)
    return Point(at, {metric: known.get(metric) for metric in metrics})
