"""What operators without Prometheus look at: figures of the last day, and what is counted here."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint

from app.http.context import current_container, require_scopes
from app.http.validation import success_body
from core.health.activity import (
    ActivityFigures,
    ActivitySummary,
    EventCounts,
    OutcomeCounts,
    require_activity,
)
from core.observability.metric_series import list_series

MAX_SERIES = 200
RATE_DIGITS, LATENCY_DIGITS = 4, 3

blueprint = Blueprint("activity", __name__)


@blueprint.get("/api/monitoring/metrics")
@require_scopes("admin")
def summarize_metrics() -> dict[str, Any]:
    """Show how connections, posts, webhook events and token renewals went in the last day.

    `summary` is read from the rows of the whole installation, since the time that it names; a
    `rate` is null without any, `avgLatency` is in seconds. `metrics` are series of `/metrics` on
    this machine: counters since its processes started, and gauges; the first 200 (`capped`: there
    are more).
    """
    container = current_container()
    summary = require_activity(container.activity)
    series = list_series(container.gauges.collect())
    return success_body(
        metrics=[each._asdict() for each in series[:MAX_SERIES]],
        capped=len(series) > MAX_SERIES,
        summary=serialize_summary(summary),
        timestamp=container.services.now(),
    )


def serialize_summary(summary: ActivitySummary) -> dict[str, Any]:
    """The figures of all platforms together, each beside those of single platforms."""
    by_platform = {name: serialize_figures(figures) for name, figures in summary.platforms.items()}
    return {
        "since": summary.since,
        **{
            subject: {
                **counts,
                "platforms": {name: figures[subject] for name, figures in by_platform.items()},
            }
            for subject, counts in serialize_figures(summary.total).items()
        },
    }


def serialize_figures(figures: ActivityFigures) -> dict[str, dict[str, Any]]:
    return {
        "oauth": serialize_outcomes(figures.connections),
        "upload": serialize_outcomes(figures.posts),
        "webhook": serialize_events(figures.events),
        "tokenRefresh": serialize_outcomes(figures.refreshes),
    }


def serialize_outcomes(counts: OutcomeCounts) -> dict[str, Any]:
    rate = counts.rate
    return {**asdict(counts), "rate": None if rate is None else round(rate, RATE_DIGITS)}


def serialize_events(counts: EventCounts) -> dict[str, Any]:
    latency = counts.mean_latency
    return {
        "received": counts.received,
        "processed": counts.processed,
        "avgLatency": None if latency is None else round(latency, LATENCY_DIGITS),
    }
