"""Insights of single media: which metrics are refused, and the values of the others.

Source: Meta, media insights (text of 2026-09-11), read 2026-11-22; messages as measured on v22.0
and v25.0 in 2026. Values grow with the age of the media unless a test sets them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from platforms.sandbox.instagram.access import GraphCaller, read_list_param
from platforms.sandbox.instagram.fields import parse_fields, select_fields
from platforms.sandbox.instagram.graph_errors import (
    GraphError,
    invalid_parameter,
)
from platforms.sandbox.instagram.insight_checks import (
    RESULT_FIELDS,
    Params,
    check_choices,
    incompatible_breakdowns,
    incompatible_periods,
    read_periods,
    required_parameter,
    split_value,
)
from platforms.sandbox.instagram.media_nodes import SandboxMedia
from platforms.sandbox.instagram.metric_tables import (
    IMPRESSIONS_END,
    LIFETIME,
    MEDIA_BREAKDOWN_NAMES,
    MEDIA_BREAKDOWNS,
    MEDIA_METRICS,
    STORY,
    SandboxMediaMetric,
)
from platforms.sandbox.instagram.state import InstagramState

HOUR = 3_600.0  # seconds
MIN_STORY_VIEWERS = 5
SKIP_RATE = 48.4  # percent
INTERACTIONS = ("likes", "comments", "saved", "shares", "reposts", "replies")


def read_media_insights(
    meta: InstagramState, caller: GraphCaller, media: SandboxMedia, params: Params
) -> dict[str, Any]:
    """Return the metrics of media; one bad metric fails all of them. Errors: GraphError."""
    caller.require_feature("insights")
    metrics = check_metrics(media, caller.flavour, params)
    breakdowns = check_breakdowns(metrics, params)
    check_period(metrics, params)
    check_story(meta, media)
    check_facebook_share(meta, media, metrics)
    if media.parent_id is not None or not has_data(meta, media):  # children of albums have none
        return {"data": []}
    items = [insight_item(meta, media, metric, breakdowns) for metric in metrics]
    specs = parse_fields(params.get("fields"))
    found = [item for item in items if item is not None]
    return {
        "data": [select_fields(item, specs, RESULT_FIELDS) if specs else item for item in found]
    }


def check_metrics(media: SandboxMedia, flavour: str, params: Params) -> list[SandboxMediaMetric]:
    names = read_list_param(params, "metric")
    known = {name: metric for name, metric in MEDIA_METRICS.items() if flavour in metric.flavours}
    if not names:
        raise required_parameter("metric")
    check_choices("metric", names, known)
    if "impressions" in names and media.timestamp >= IMPRESSIONS_END:
        raise withdrawn_impressions(media)
    product_type = media.media_product_type
    refused = [name for name in names if product_type not in known[name].product_types]
    if refused:
        raise unsupported_metrics(refused)
    return [known[name] for name in dict.fromkeys(names)]


def withdrawn_impressions(media: SandboxMedia) -> GraphError:
    if media.media_type == "VIDEO":
        return unsupported_metrics(["impressions"])
    return invalid_parameter(
        "Starting from version v22.0 and above, the impressions metric is no longer supported "
        "for the queried media"
    )


def unsupported_metrics(names: list[str]) -> GraphError:
    return invalid_parameter(
        f"The Media Insights API does not support the {', '.join(names)} metric for this media "
        "product type."
    )


def check_breakdowns(metrics: list[SandboxMediaMetric], params: Params) -> list[str]:
    breakdowns = read_list_param(params, "breakdown")
    check_choices("breakdown", breakdowns, MEDIA_BREAKDOWN_NAMES)
    for metric in metrics:
        refused = [breakdown for breakdown in breakdowns if breakdown != metric.breakdown]
        if refused:
            raise incompatible_breakdowns(refused, metric.name)
    return breakdowns


def check_period(metrics: list[SandboxMediaMetric], params: Params) -> None:
    refused = [period for period in read_periods(params) if period != LIFETIME]
    if refused:
        raise incompatible_periods(refused, metrics[0].name)


def check_story(meta: InstagramState, media: SandboxMedia) -> None:
    """Refuse a story with few viewers. One that has ended is refused as a node."""
    if media.media_product_type != STORY:
        return
    viewers = metric_value(meta, media, MEDIA_METRICS["reach"]) or 0
    if viewers < MIN_STORY_VIEWERS:
        raise GraphError("(#10) Not enough viewers for the media to show insights", 10)


def check_facebook_share(
    meta: InstagramState, media: SandboxMedia, metrics: list[SandboxMediaMetric]
) -> None:
    is_shared = media.id in meta.reading.shared_to_facebook
    if not is_shared and any(metric.needs_facebook_share for metric in metrics):
        raise GraphError("Fatal", -1, 2207086)


def has_data(meta: InstagramState, media: SandboxMedia) -> bool:
    is_set = media.id in meta.reading.metric_values
    return is_set or meta.now >= media.timestamp + meta.settings.insights_delay_seconds


def insight_item(
    meta: InstagramState, media: SandboxMedia, metric: SandboxMediaMetric, breakdowns: list[str]
) -> dict[str, Any] | None:
    """Return the metric as Meta writes it; None if it has no data."""
    value = metric_value(meta, media, metric)
    if value is None:
        return None
    item: dict[str, Any] = {
        "name": metric.name,
        "period": LIFETIME,
        "title": metric.title,
        "description": f"{metric.title} of this media",
        "id": f"{media.id}/insights/{metric.name}/{LIFETIME}",
    }
    if not breakdowns:
        return item | {"values": [{"value": value}]}
    dimensions = {name: MEDIA_BREAKDOWNS[name] for name in breakdowns}
    return item | {"total_value": split_value(int(value), dimensions)}


def metric_value(
    meta: InstagramState, media: SandboxMedia, metric: SandboxMediaMetric
) -> float | None:
    """Return the value that a test has set, or one that grows with the age of the media."""
    values = meta.reading.metric_values.get(media.id, {})
    if metric.name in values:
        return values[metric.name]
    special = SPECIAL_VALUES.get(metric.name)
    if special is not None:
        return special(meta, media)
    return int(media_views(meta, media) * metric.share)


def media_views(meta: InstagramState, media: SandboxMedia) -> float:
    given = meta.reading.metric_values.get(media.id, {}).get("views")
    return grown_views(meta, media) if given is None else given


def count_comments(meta: InstagramState, media: SandboxMedia) -> int:
    return sum(comment.media_id == media.id for comment in meta.comments.values())


def sum_interactions(meta: InstagramState, media: SandboxMedia) -> int:
    metrics = [MEDIA_METRICS[name] for name in INTERACTIONS]
    found = [each for each in metrics if media.media_product_type in each.product_types]
    return sum(int(metric_value(meta, media, each) or 0) for each in found)


def average_watch_time(meta: InstagramState, media: SandboxMedia) -> int:
    views = media_views(meta, media)
    total = metric_value(meta, media, MEDIA_METRICS["ig_reels_video_view_total_time"]) or 0
    return int(total // views) if views else 0


def story_replies(meta: InstagramState, media: SandboxMedia) -> int:
    share = 0 if meta.settings.are_story_replies_withheld else MEDIA_METRICS["replies"].share
    return int(media_views(meta, media) * share)


SPECIAL_VALUES: Mapping[str, Callable[[InstagramState, SandboxMedia], float]] = {
    "comments": count_comments,
    "total_comments": count_comments,
    "total_interactions": sum_interactions,
    "ig_reels_avg_watch_time": average_watch_time,
    "reels_skip_rate": lambda _meta, _media: SKIP_RATE,
    "replies": story_replies,
}


def grown_views(meta: InstagramState, media: SandboxMedia) -> int:
    hours = max(meta.now - media.timestamp, 0.0) / HOUR
    return int(hours * meta.settings.media_views_per_hour)
