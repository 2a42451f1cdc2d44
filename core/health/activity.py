"""How connections, posts, webhook events and renewals went in the last day, by platform.

Read from rows, so the figures are those of the whole installation, whatever process is asked.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import ServiceUnavailable
from core.health.hourly_counts import HourlyCounter, HourlyCounts
from db.ops.activity import Figure, PlatformActivity
from db.session import Database, Session
from platforms.registry import PLATFORMS

COUNTING_TIME = timedelta(seconds=5)  # after which who asked too early should ask again
FigureKey = tuple[str, Figure]
"""A platform and what was counted of it."""


@dataclass(frozen=True)
class OutcomeCounts:
    """How many succeeded and how many failed. `rate`: the share of successes; None without any."""

    success: int
    failure: int

    @property
    def rate(self) -> float | None:
        total = self.success + self.failure
        return self.success / total if total else None


@dataclass(frozen=True)
class EventCounts:
    """Webhook events that were stored and applied. Units: `mean_latency` in seconds.

    The latency is the time from storing an event to applying it, of those that needed one attempt:
    others may have waited for a post on purpose. None without any.
    """

    received: int
    processed: int
    mean_latency: float | None


@dataclass(frozen=True)
class ActivityFigures:
    connections: OutcomeCounts
    posts: OutcomeCounts
    events: EventCounts
    refreshes: OutcomeCounts


@dataclass(frozen=True)
class ActivitySummary:
    """The figures of all platforms together, and of each one."""

    since: datetime
    total: ActivityFigures
    platforms: Mapping[str, ActivityFigures]


def build_activity_counter(
    database: Database, now: Callable[[], datetime]
) -> HourlyCounter[FigureKey]:
    return HourlyCounter(database, now, name="activity", count=count_activity)


def count_activity(
    session: Session, since: datetime, until: datetime
) -> Iterator[tuple[datetime, FigureKey, int]]:
    for each in PlatformActivity(session, since, until).list_figures():
        yield each.hour, (each.provider, each.figure), each.number


def require_activity(counter: HourlyCounter[FigureKey]) -> ActivitySummary:
    """Errors: ServiceUnavailable while nothing has been counted yet."""
    summary = read_activity(counter)
    if summary is None:
        message = "the figures are still being counted: ask again in a moment"
        raise ServiceUnavailable(message, retry_after=COUNTING_TIME)
    return summary


def read_activity(counter: HourlyCounter[FigureKey]) -> ActivitySummary | None:
    """Return the figures as last known; None while nothing has been counted yet."""
    counts = counter.read()
    if counts is None:
        return None
    return ActivitySummary(
        since=counts.begins_at,
        total=sum_figures(counts, PLATFORMS),
        platforms={name: sum_figures(counts, [name]) for name in PLATFORMS},
    )


def sum_figures(counts: HourlyCounts[FigureKey], platforms: Collection[str]) -> ActivityFigures:
    number = {
        figure: sum(counts.sum_counts((platform, figure)) for platform in platforms)
        for figure in Figure
    }
    timed = number[Figure.EVENTS_TIMED]
    return ActivityFigures(
        connections=OutcomeCounts(number[Figure.CONNECTED], number[Figure.CONNECT_REFUSED]),
        posts=OutcomeCounts(number[Figure.PUBLISHED], number[Figure.POST_FAILED]),
        events=EventCounts(
            received=number[Figure.EVENTS_RECEIVED],
            processed=number[Figure.EVENTS_PROCESSED],
            mean_latency=number[Figure.EVENT_MILLISECONDS] / 1000 / timed if timed else None,
        ),
        refreshes=OutcomeCounts(number[Figure.REFRESHED], number[Figure.REFRESH_FAILED]),
    )
