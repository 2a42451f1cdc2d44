"""The metrics of an account and its posts: latest values and charts, gaps shown as “no data”."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flask import Blueprint, render_template, request

from app.api.oauth import PLATFORM_URL_PARAM
from app.http.context import current_container, current_principal, require_login
from app.http.i18n import gettext_noop, translate_text
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import row_id_from_query
from app.pages.brands import platform_title
from app.pages.comments import list_account_choices
from core.errors import NotConnected, NotFound
from core.insights import SeriesPoint
from core.insights.destination_request import (
    DestinationInsights,
    DestinationInsightsRequest,
    list_items,
    load_destination_insights,
)
from db.insights.items import ListedItem
from platforms.registry import PLATFORMS

blueprint = Blueprint("insight_pages", __name__)

ITEMS_LIMIT = 25
MAX_POINTS = 60  # bars of a chart
CHART_HEIGHT = 40  # units of the drawing
ITEM_COLUMNS = ("views", "reach", "likes", "comments", "shares", "saved")
METRIC_LABELS = {
    "followers": gettext_noop("followers"),
    "following": gettext_noop("accounts followed"),
    "media": gettext_noop("posts in all"),
    "reach": gettext_noop("people reached"),
    "views": gettext_noop("views"),
    "likes": gettext_noop("likes"),
    "comments": gettext_noop("comments"),
    "shares": gettext_noop("shares"),
    "saves": gettext_noop("saves"),
    "saved": gettext_noop("saves"),
    "replies": gettext_noop("replies"),
    "reposts": gettext_noop("reposts"),
    "total_interactions": gettext_noop("interactions"),
    "accounts_engaged": gettext_noop("accounts engaged"),
    "profile_links_taps": gettext_noop("taps on links of the profile"),
}
"""A metric without an entry is shown by its name."""


class Bar(NamedTuple):
    """One bar of a chart; a height of None is a gap: no data."""

    x: int
    height: float | None
    title: str


@blueprint.get(f"/platforms/{PLATFORM_URL_PARAM}/insights")
@require_login("insights:read")
@reads_replica
def show_insights(platform: str) -> str:
    """Show the metrics of one of my accounts, and of its latest posts."""
    require_account_metrics(platform)
    choices = list_account_choices(platform)
    account_id = row_id_from_query("account") or (choices[0][0] if choices else None)
    fields = load_insight_fields(platform, account_id) if account_id is not None else {}
    return render_template(
        "insights.html",
        platform=platform,
        platform_name=platform_title(platform),
        accounts=choices,
        account_id=account_id,
        has_choice=len(choices) > 1 or "account" in request.args,
        **fields,
    )


def require_account_metrics(platform: str) -> None:
    """Errors: NotFound if the platform has no metrics of accounts behind logins."""
    rules = PLATFORMS[platform].sampling
    if rules is None or not rules.has_detailed_metrics:
        raise NotFound(f"{platform} has no metrics of accounts")


def load_insight_fields(platform: str, account_id: int) -> dict[str, Any]:
    """Load metrics, charts and posts of an account. Errors: NotFound."""
    database, user_id = reading_database(), current_principal().user_id
    try:
        result = load_destination_insights(
            database,
            current_container().services,
            DestinationInsightsRequest(
                provider=platform, destination_id=account_id, limit=MAX_POINTS
            ),
            user_id=user_id,
        )
    except NotConnected:
        return {}
    page = list_items(
        database, platform, user_id=user_id, destination_id=account_id, limit=ITEMS_LIMIT
    )
    return {
        "problem": result.status.problem if result.status else None,
        "metrics": [metric_fields(name, result) for name in result.latest],
        "item_metrics": [metric_label(name) for name in ITEM_COLUMNS],
        "items": [item_fields(item) for item in page.items],
    }


def metric_fields(name: str, result: DestinationInsights) -> dict[str, Any]:
    latest = result.latest[name]
    return {
        "label": metric_label(name),
        "value": None if latest is None else latest.value,
        "at": None if latest is None else latest.at,
        "bars": build_bars(name, result.series.points),
    }


def metric_label(name: str) -> str:
    return translate_text(METRIC_LABELS[name]) if name in METRIC_LABELS else name


def build_bars(name: str, points: Sequence[SeriesPoint]) -> list[Bar]:
    """Return one bar for each point, scaled to the largest; none if no point has a value."""
    values = [point.values.get(name) for point in points]
    largest = max((value for value in values if value is not None), default=None)
    if largest is None:
        return []
    return [
        Bar(
            x=index,
            height=None if value is None else CHART_HEIGHT * value / (largest or 1),
            title=f"{point.at:%Y-%m-%d %H:%M} UTC: "
            + (translate_text("no data") if value is None else str(value)),
        )
        for index, (point, value) in enumerate(zip(points, values, strict=True))
    ]


def item_fields(item: ListedItem) -> Mapping[str, Any]:
    return {
        "text": item.text,
        "url": item.url,
        "post_id": item.post_id,
        "type": item.product or item.media_type,
        "at": item.posted_at,
        "missing_since": item.missing_since,
        "values": [item.counts.get(name) for name in ITEM_COLUMNS],
    }
