"""The last day by platform, and the latest webhook events, for the page of monitoring."""

from typing import Any

from app.http.context import current_container
from app.pages.brands import platform_title
from app.pages.operator.durations import NO_VALUE, format_seconds
from app.pages.operator.events import describe_row
from core.health.activity import ActivitySummary, EventCounts, read_activity
from db.webhooks.events import EventFilter, Events

MAX_LATEST_EVENTS = 20


def describe_activity() -> dict[str, Any]:
    """Shapes: `activity` is a row for each platform; None while nothing has been counted yet."""
    container = current_container()
    summary = read_activity(container.activity)
    with container.database.transaction() as session:
        events = Events(session).page(EventFilter(), limit=MAX_LATEST_EVENTS)
        latest = [describe_row(event) for event in events]
    return {"activity": summary and describe_platforms(summary), "latest_events": latest}


def describe_platforms(summary: ActivitySummary) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": platform_title(name),
            "outcomes": (figures.connections, figures.posts, figures.refreshes),
            "events": describe_events(figures.events),
        }
        for name, figures in summary.platforms.items()
    ]


def describe_events(counts: EventCounts) -> dict[str, Any]:
    latency = counts.mean_latency
    return {
        "received": counts.received,
        "processed": counts.processed,
        "latency": NO_VALUE if latency is None else format_seconds(latency),
    }
