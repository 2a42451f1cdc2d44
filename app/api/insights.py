"""Metrics of videos and accounts: the latest values and their history; sampling started by hand."""

from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import AwareDatetime, Field

from app.http.context import current_container, current_principal, require_scopes
from app.http.validation import OptionalRowId, RequestModel, success_body, validate_query
from app.http.worker_auth import require_worker
from app.serialize import video_metrics
from core import insights
from core.insights.insights_request import InsightsRequest, load_insights
from core.validation import format_utc

blueprint = Blueprint("insights", __name__)

STEP_NAMES = tuple(insights.SERIES_STEPS)


class VideoListQuery(RequestModel):
    account_id: OptionalRowId = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: OptionalRowId = None


class InsightHistoryQuery(RequestModel):
    account_id: OptionalRowId = None
    post_id: OptionalRowId = None
    video_id: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    metric: Annotated[str | None, Field(max_length=50)] = None
    since: Annotated[AwareDatetime | None, Field(alias="from")] = None
    until: Annotated[AwareDatetime | None, Field(alias="to")] = None
    step: Literal[STEP_NAMES] | None = None  # type: ignore[valid-type]  # from a table
    limit: Annotated[int, Field(ge=1, le=1000)] = 500
    cursor: AwareDatetime | None = None


@blueprint.get("/api/tiktok/videos")
@require_scopes("insights:read")
@validate_query(VideoListQuery)
def list_videos(query: VideoListQuery) -> dict[str, Any]:
    """List the public videos of my accounts with their latest metrics, newest first."""
    page = insights.list_videos(
        current_container().database,
        user_id=current_principal().user_id,
        account_id=query.account_id,
        limit=query.limit,
        before=query.cursor,
    )
    return success_body(
        data=[video_metrics.serialize_listed_video(video, page.posts) for video in page.videos],
        next_cursor=page.next_before and str(page.next_before),
    )


@blueprint.get("/api/tiktok/insights")
@require_scopes("insights:read")
@validate_query(InsightHistoryQuery)
def show_insight_history(query: InsightHistoryQuery) -> dict[str, Any]:
    """Show the metrics of an account, a post or a video: the latest values and their history."""
    fields = query.model_dump(exclude={"cursor"})
    criteria = InsightsRequest(**fields, after=query.cursor)
    result = load_insights(
        current_container().database,
        current_container().services,
        criteria,
        user_id=current_principal().user_id,
    )
    next_after = result.series.next_after
    return success_body(
        data=video_metrics.serialize_history(result),
        next_cursor=next_after and format_utc(next_after),
    )


@blueprint.post("/api/workers/tiktok-insights")
@require_worker
def sample_due_insights() -> dict[str, Any]:
    """Fetch the metrics that are due, during this request."""
    result = insights.sample_due_insights(
        current_container().database, current_container().services
    )
    errors = [{"accountId": error.account_id, "error": error.code} for error in result.failures]
    counts = {"total": result.total, "answered": result.answered, "failed": len(errors)}
    return success_body(
        message=f"{result.answered} of {result.total} samples fetched",
        timestamp=current_container().services.now(),
        result={**counts, "skipped": result.skipped, "errors": errors},
    )


@blueprint.get("/api/workers/tiktok-insights")
def describe_insight_sampling() -> dict[str, str]:
    """Describe the metrics sampling worker; changes nothing."""
    message = "POST with WORKER_SECRET to fetch the metrics that are due"
    return {"status": "ok", "worker": "tiktok-insights", "message": message}
