"""The insights capability: what app and tasks may use of it."""

from core.insights.enrol import enrol_accounts
from core.insights.history import (
    SERIES_STEPS,
    Series,
    SeriesPoint,
    default_step,
    load_series,
)
from core.insights.insights_request import InsightsRequest, InsightsResult, load_insights
from core.insights.queries import (
    AccountOverview,
    VideoListPage,
    VideoMetrics,
    list_videos,
    load_account_overview,
    load_post_metrics,
    load_video_totals,
    sum_videos,
)
from core.insights.sampling import SAMPLING_JOB_TYPE, SamplingSummary, sample_due_insights

__all__ = [
    "SAMPLING_JOB_TYPE",
    "SERIES_STEPS",
    "AccountOverview",
    "InsightsRequest",
    "InsightsResult",
    "SamplingSummary",
    "Series",
    "SeriesPoint",
    "VideoListPage",
    "VideoMetrics",
    "default_step",
    "enrol_accounts",
    "list_videos",
    "load_account_overview",
    "load_insights",
    "load_post_metrics",
    "load_series",
    "load_video_totals",
    "sample_due_insights",
    "sum_videos",
]
