"""Which metrics are asked for: of media by product, of accounts with their breakdowns.

One metric too many fails a whole request, so the lists are exact.
Source: Meta, media insights and account insights, text of 2026-09-11, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MEDIA_METRICS: Mapping[str, tuple[str, ...]] = {
    "FEED": (
        *("views", "reach", "likes", "comments", "saved", "shares", "total_interactions"),
        *("reposts", "follows", "profile_visits"),
    ),
    "REELS": (
        *("views", "reach", "likes", "comments", "saved", "shares", "total_interactions"),
        *("reposts", "ig_reels_avg_watch_time", "ig_reels_video_view_total_time"),
    ),
    # for 24 hours only; unlike the webhook's, these values go on if the story is in a highlight
    "STORY": ("views", "reach", "replies", "shares", "total_interactions", "navigation"),
}
"""`media_product_type` → metrics. Units: watch times in milliseconds."""

UNKNOWN_PRODUCT_METRICS = ("views", "reach", "likes", "comments", "saved", "shares")
"""Of media whose product was not said; with Instagram Login Meta may leave it out."""


@dataclass(frozen=True)
class AccountMetric:
    """A metric of an account. Without `has_total` only its breakdowns have values."""

    breakdowns: tuple[str, ...] = ()
    has_series: bool = False
    has_total: bool = True


BY_PRODUCT, BY_FOLLOWING, BY_BUTTON = "media_product_type", "follow_type", "contact_button_type"

ACCOUNT_METRICS: Mapping[str, AccountMetric] = {
    "reach": AccountMetric((BY_PRODUCT, BY_FOLLOWING), has_series=True),
    "views": AccountMetric((BY_FOLLOWING, BY_PRODUCT)),
    "accounts_engaged": AccountMetric(),
    "total_interactions": AccountMetric((BY_PRODUCT,)),
    "likes": AccountMetric((BY_PRODUCT,)),
    "comments": AccountMetric((BY_PRODUCT,)),
    "saves": AccountMetric((BY_PRODUCT,)),
    "shares": AccountMetric((BY_PRODUCT,)),
    "replies": AccountMetric(),
    "reposts": AccountMetric(),
    "profile_links_taps": AccountMetric((BY_BUTTON,)),
    "follows_and_unfollows": AccountMetric((BY_FOLLOWING,), has_total=False),
}
"""All are of the period `day` and of the type `total_value`; of that there is one value per window.

`follower_count` and `online_followers` are no longer in Meta's table: followers come from the
account's own fields.
"""

OTHER_BREAKDOWN_NAMES: Mapping[tuple[str, str], str] = {("views", BY_FOLLOWING): "follower_type"}
"""Metric and breakdown → the name in Meta's table, where its parameter list has another."""

AUDIENCE_METRICS = ("follower_demographics", "engaged_audience_demographics")
AUDIENCE_BREAKDOWNS = ("age", "city", "country", "gender")
AUDIENCE_TIMEFRAME = "this_month"  # the last 30 days
AUDIENCE_BOUND = frozenset({*AUDIENCE_METRICS, "follows_and_unfollows"})
"""Metrics that accounts with fewer than 100 people do not have, and larger ones do."""


def series_metrics() -> tuple[str, ...]:
    return tuple(name for name, metric in ACCOUNT_METRICS.items() if metric.has_series)


def total_metrics() -> tuple[str, ...]:
    return tuple(name for name, metric in ACCOUNT_METRICS.items() if metric.has_total)


def metrics_without_total() -> tuple[str, ...]:
    return tuple(name for name, metric in ACCOUNT_METRICS.items() if not metric.has_total)


def metrics_by_breakdown() -> dict[str, tuple[str, ...]]:
    """Return breakdown → the metrics that have it."""
    breakdowns = dict.fromkeys(
        breakdown for metric in ACCOUNT_METRICS.values() for breakdown in metric.breakdowns
    )
    return {
        breakdown: tuple(
            name for name, metric in ACCOUNT_METRICS.items() if breakdown in metric.breakdowns
        )
        for breakdown in breakdowns
    }
