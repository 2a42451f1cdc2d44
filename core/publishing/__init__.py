"""The public interface of publishing: request, follow, cancel and retry posts, and the job types
that publish them. Other packages import from here; modules of this package import each other
directly.
"""

from core.publishing.check_report import CheckReport, PostCheck, check_post
from core.publishing.commands import cancel_post, release_post, retry_post
from core.publishing.create import request_post
from core.publishing.edit import PostChanges, edit_post
from core.publishing.enqueue import enqueue_post
from core.publishing.forecast import ForecastPost, QuotaForecast, forecast_post
from core.publishing.held_posts import cancel_held_posts, release_held_posts
from core.publishing.hold import hold_post
from core.publishing.job_types import PUBLISH_JOB_TYPE, UPLOAD_JOB_TYPE
from core.publishing.post_history import PostHistory, load_post_history
from core.publishing.post_request import PostRequest
from core.publishing.post_results import PostResult
from core.publishing.queries import (
    PostPage,
    PostView,
    UploadProgress,
    get_current_status,
    get_post,
    get_post_stats,
    get_posting_choices,
    get_timeline,
    list_exchanges,
    list_posts,
    upload_progress,
)
from core.publishing.recheck import recheck_posts_without_video_id
from core.publishing.remaining_quota import (
    RemainingQuota,
    count_quotas,
    get_remaining_quota,
    load_limits,
)
from core.publishing.seed_requests import request_post_by_body
from core.publishing.targets import find_request_platform

__all__ = [
    "PUBLISH_JOB_TYPE",
    "UPLOAD_JOB_TYPE",
    "CheckReport",
    "ForecastPost",
    "PostChanges",
    "PostCheck",
    "PostHistory",
    "PostPage",
    "PostRequest",
    "PostResult",
    "PostView",
    "QuotaForecast",
    "RemainingQuota",
    "UploadProgress",
    "cancel_held_posts",
    "cancel_post",
    "check_post",
    "count_quotas",
    "edit_post",
    "enqueue_post",
    "find_request_platform",
    "forecast_post",
    "get_current_status",
    "get_post",
    "get_post_stats",
    "get_posting_choices",
    "get_remaining_quota",
    "get_timeline",
    "hold_post",
    "list_exchanges",
    "list_posts",
    "load_limits",
    "load_post_history",
    "recheck_posts_without_video_id",
    "release_held_posts",
    "release_post",
    "request_post",
    "request_post_by_body",
    "retry_post",
    "upload_progress",
]
