"""Everything one can do with numbers, under one name for the edges. Decides nothing itself."""

from core.insights.enrol import enrol_accounts
from core.insights.queries import (
    METRICS_BY_SUBJECT,
    SERIES_STEPS,
    AccountOverview,
    Series,
    VideoListPage,
    VideoMetrics,
    default_step,
    list_videos,
    load_account_overview,
    load_post_metrics,
    load_series,
    load_video_totals,
    sum_videos,
)
from core.insights.sampling import SAMPLING_JOB, SamplingSummary, sample_due_insights

__all__ = [
    "METRICS_BY_SUBJECT",
    "SAMPLING_JOB",
    "SERIES_STEPS",
    "AccountOverview",
    "SamplingSummary",
    "Series",
    "VideoListPage",
    "VideoMetrics",
    "default_step",
    "enrol_accounts",
    "list_videos",
    "load_account_overview",
    "load_post_metrics",
    "load_series",
    "load_video_totals",
    "sample_due_insights",
    "sum_videos",
]
