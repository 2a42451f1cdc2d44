"""The figures that operators may change: limits, budgets, sizes, rhythms. A table, nothing runs."""

from dataclasses import dataclass
from datetime import timedelta

from core.config.environment import setting
from core.config.parsers import (
    Rate,
    duration_in,
    parse_durations,
    parse_non_negative_int,
    parse_positive_int,
    parse_rates,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DEFAULT_SLOW_DELAYS = tuple(timedelta(minutes=value) for value in (5, 15, 30, 60, 120, 240, 480))


@dataclass(frozen=True, kw_only=True)
class LimitSettings:
    """Contract, appendix B. Durations are timedelta, sizes bytes."""

    tiktok_init_per_minute: int = setting("TIKTOK_INIT_PER_MINUTE", parse_positive_int, default=6)
    tiktok_status_per_minute: int = setting(
        "TIKTOK_STATUS_PER_MINUTE", parse_positive_int, default=30
    )
    tiktok_creator_per_minute: int = setting(
        "TIKTOK_CREATOR_PER_MINUTE", parse_positive_int, default=20
    )
    tiktok_reads_per_minute: int = setting(
        "TIKTOK_READS_PER_MINUTE", parse_positive_int, default=600
    )
    tiktok_pending_limit: int = setting("TIKTOK_PENDING_LIMIT", parse_positive_int, default=5)
    tiktok_direct_daily_limit: int = setting(
        "TIKTOK_DIRECT_DAILY_LIMIT", parse_positive_int, default=15
    )
    tiktok_max_video_bytes: int = setting(
        "TIKTOK_MAX_VIDEO_BYTES", parse_positive_int, default=4_000_000_000
    )
    max_json_bytes: int = setting("MAX_JSON_BYTES", parse_positive_int, default=65_536)

    webhook_max_bytes: int = setting("WEBHOOK_MAX_BYTES", parse_positive_int, default=1_048_576)
    webhook_batch_size: int = setting("WEBHOOK_BATCH", parse_positive_int, default=10)
    webhook_quick_retries: int = setting("WEBHOOK_QUICK_RETRIES", parse_non_negative_int, default=3)
    webhook_backoff_cap: timedelta = setting(
        "WEBHOOK_BACKOFF_CAP_SECONDS", duration_in("seconds"), default=MINUTE
    )
    webhook_slow_delays: tuple[timedelta, ...] = setting(
        "WEBHOOK_SLOW_DELAYS", parse_durations, default=DEFAULT_SLOW_DELAYS
    )
    # A platform may repeat what it sent: a row that went too early would be stored as new.
    webhook_retention: timedelta = setting(
        "WEBHOOK_KEPT_DAYS", duration_in("days", minimum=14), default=timedelta(days=30)
    )

    inline_time_budget: timedelta = setting(
        "INLINE_BUDGET_SECONDS", duration_in("seconds"), default=timedelta(seconds=8)
    )
    status_cache_lifetime: timedelta = setting(
        "STATUS_CACHE_SECONDS", duration_in("seconds"), default=timedelta(seconds=10)
    )
    media_url_lifetime: timedelta = setting(
        "MEDIA_URL_HOURS", duration_in("hours"), default=26 * HOUR
    )

    refresh_window: timedelta = setting(
        "REFRESH_WINDOW_MINUTES", duration_in("minutes"), default=HOUR
    )
    refresh_batch_size: int = setting("REFRESH_BATCH", parse_positive_int, default=50)
    token_guard: timedelta = setting(
        "TOKEN_GUARD_MINUTES", duration_in("minutes"), default=5 * MINUTE
    )
    instagram_refresh_window: timedelta = setting(
        "IG_REFRESH_WINDOW_DAYS", duration_in("days"), default=timedelta(days=10)
    )
    insights_batch_size: int = setting("INSIGHTS_BATCH", parse_positive_int, default=50)
    instagram_media_sync_interval: timedelta = setting(
        "IG_MEDIA_SYNC_MINUTES", duration_in("minutes"), default=30 * MINUTE
    )
    alert_check_interval: timedelta = setting(
        "ALERT_CHECK_INTERVAL", duration_in("seconds"), default=MINUTE
    )

    oauth_rates: tuple[Rate, ...] = setting(
        "RATE_LIMIT_OAUTH", parse_rates, default=(Rate(10, 15 * MINUTE),)
    )
    login_rates: tuple[Rate, ...] = setting(
        "RATE_LIMIT_LOGIN", parse_rates, default=(Rate(10, 15 * MINUTE),)
    )
    user_rates: tuple[Rate, ...] = setting(
        "RATE_LIMIT_USER", parse_rates, default=(Rate(100, MINUTE), Rate(5000, HOUR))
    )
    anonymous_rates: tuple[Rate, ...] = setting(
        "RATE_LIMIT_ANONYMOUS", parse_rates, default=(Rate(20, MINUTE), Rate(500, HOUR))
    )
    instagram_publish_rates: tuple[Rate, ...] = setting(
        "RATE_LIMIT_INSTAGRAM_PUBLISH", parse_rates, default=(Rate(10, MINUTE),)
    )
