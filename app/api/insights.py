"""Metrics of posts and accounts: the latest values and their history; sampling started by hand.

Each platform whose metrics are sampled has its routes. Of a platform whose logins are posted to
directly the fields are named as its first routes named them, of the others in camel case.
"""

from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import OptionalRowId, RequestModel, success_body, validate_query
from app.http.worker_auth import require_worker
from app.serialize import item_metrics, video_metrics
from core import insights
from core.insights.destination_request import (
    DestinationInsightsRequest,
    list_items,
    load_destination_insights,
)
from core.insights.insights_request import InsightsRequest, load_insights
from core.validation import ClampedTime, format_utc
from platforms.registry import PLATFORMS

blueprint = Blueprint("insights", __name__)

STEP_NAMES = tuple(insights.SERIES_STEPS)
StepName = Literal[STEP_NAMES]  # type: ignore[valid-type]  # from a table


class VideoListQuery(RequestModel):
    account_id: OptionalRowId = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


class MediaListQuery(RequestModel):
    account_id: Annotated[OptionalRowId, Field(alias="accountId")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


class HistoryQuery(RequestModel):
    """The time range of a history and its steps."""

    metric: Annotated[str | None, Field(max_length=50)] = None
    since: Annotated[ClampedTime | None, Field(alias="from")] = None
    until: Annotated[ClampedTime | None, Field(alias="to")] = None
    step: StepName | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 500
    cursor: ClampedTime | None = None


class InsightHistoryQuery(HistoryQuery):
    account_id: OptionalRowId = None
    post_id: OptionalRowId = None
    video_id: Annotated[str | None, Field(min_length=1, max_length=255)] = None


class MediaHistoryQuery(HistoryQuery):
    account_id: Annotated[OptionalRowId, Field(alias="accountId")] = None
    media_id: Annotated[str | None, Field(alias="mediaId", min_length=1, max_length=255)] = None


@require_scopes("insights:read")
@validate_query(VideoListQuery)
@reads_replica
def list_videos(platform: str, query: VideoListQuery) -> dict[str, Any]:
    """List the public videos of my accounts with their latest metrics, newest first."""
    page = insights.list_videos(
        reading_database(),
        platform,
        user_id=current_principal().user_id,
        account_id=query.account_id,
        limit=query.limit,
        before=query.cursor,
    )
    return success_body(
        data=[video_metrics.serialize_listed_video(video, page.posts) for video in page.videos],
        next_cursor=page.next_before and str(page.next_before),
    )


@require_scopes("insights:read")
@validate_query(InsightHistoryQuery)
@reads_replica
def show_insight_history(platform: str, query: InsightHistoryQuery) -> dict[str, Any]:
    """Show the metrics of an account, a post or a video: the latest values and their history."""
    fields = query.model_dump(exclude={"cursor"})
    criteria = InsightsRequest(provider=platform, **fields, after=query.cursor)
    result = load_insights(
        reading_database(),
        current_container().services,
        criteria,
        user_id=current_principal().user_id,
    )
    next_after = result.series.next_after
    return success_body(
        data=video_metrics.serialize_history(result),
        next_cursor=next_after and format_utc(next_after),
    )


@require_scopes("insights:read")
@validate_query(MediaListQuery)
@reads_replica
def list_media(platform: str, query: MediaListQuery) -> dict[str, Any]:
    """List the media of my accounts with their latest metrics, newest first."""
    page = list_items(
        reading_database(),
        platform,
        user_id=current_principal().user_id,
        destination_id=query.account_id,
        limit=query.limit,
        before=query.cursor,
    )
    return success_body(
        data=[item_metrics.serialize_item(item) for item in page.items],
        nextCursor=page.next_before and str(page.next_before),
    )


@require_scopes("insights:read")
@validate_query(MediaHistoryQuery)
@reads_replica
def show_media_history(platform: str, query: MediaHistoryQuery) -> dict[str, Any]:
    """Show the metrics of an account or of one media: the latest values and their history."""
    fields = query.model_dump(exclude={"cursor", "account_id", "media_id"})
    criteria = DestinationInsightsRequest(
        provider=platform,
        destination_id=query.account_id,
        item_key=query.media_id,
        after=query.cursor,
        **fields,
    )
    result = load_destination_insights(
        reading_database(),
        current_container().services,
        criteria,
        user_id=current_principal().user_id,
    )
    next_after = result.series.next_after
    return success_body(
        data=item_metrics.serialize_insights(result),
        nextCursor=next_after and format_utc(next_after),
    )


@require_worker
def sample_due_insights(platform: str) -> dict[str, Any]:
    """Fetch the metrics that are due, during this request."""
    result = insights.sample_due_insights(
        current_container().database, current_container().services, provider=platform
    )
    errors = [{"accountId": error.account_id, "error": error.code} for error in result.failures]
    counts = {"total": result.total, "answered": result.answered, "failed": len(errors)}
    return success_body(
        message=f"{result.answered} of {result.total} samples fetched",
        timestamp=current_container().services.now(),
        result={**counts, "skipped": result.skipped, "errors": errors},
    )


def describe_insight_sampling(platform: str) -> dict[str, str]:
    """Describe the metrics sampling worker; changes nothing."""
    message = "POST with WORKER_SECRET to fetch the metrics that are due"
    return {"status": "ok", "worker": f"{platform}-insights", "message": message}


def add_routes(platform: str) -> None:
    """Add the routes of one platform, with its name as an argument of the views."""
    rules = PLATFORMS[platform].sampling
    if rules is None:
        return
    worker = f"/api/workers/{platform}-insights"
    views: list[tuple[str, str, Any]] = [
        (worker, "POST", sample_due_insights),
        (worker, "GET", describe_insight_sampling),
    ]
    if rules.has_detailed_metrics:
        views += [(f"/api/{platform}/media", "GET", list_media)]
        views += [(f"/api/{platform}/insights", "GET", show_media_history)]
    else:
        views += [(f"/api/{platform}/videos", "GET", list_videos)]
        views += [(f"/api/{platform}/insights", "GET", show_insight_history)]
    for path, method, view in views:
        blueprint.add_url_rule(
            path,
            f"{view.__name__}_{platform}",
            view,
            methods=[method],
            defaults={"platform": platform},
        )


for platform_name in PLATFORMS:
    add_routes(platform_name)
