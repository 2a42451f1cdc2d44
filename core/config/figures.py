"""The figures that operators may change: limits, budgets, sizes, rhythms. A table, nothing runs."""

from dataclasses import dataclass
from datetime import timedelta

from core.config.environment import setting
from core.config.formats import Rate, count, delays, lasting, natural, rates

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SLOW = tuple(timedelta(minutes=value) for value in (5, 15, 30, 60, 120, 240, 480))


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Contract, appendix B. Durations are timedelta, sizes bytes."""

    tiktok_init_per_minute: int = setting("TIKTOK_INIT_PER_MINUTE", count, default=6)
    tiktok_status_per_minute: int = setting("TIKTOK_STATUS_PER_MINUTE", count, default=30)
    tiktok_creator_per_minute: int = setting("TIKTOK_CREATOR_PER_MINUTE", count, default=20)
    tiktok_reads_per_minute: int = setting("TIKTOK_READS_PER_MINUTE", count, default=600)
    tiktok_pending: int = setting("TIKTOK_PENDING_LIMIT", count, default=5)
    tiktok_direct_daily: int = setting("TIKTOK_DIRECT_DAILY_LIMIT", count, default=15)
    tiktok_max_video_bytes: int = setting("TIKTOK_MAX_VIDEO_BYTES", count, default=4_000_000_000)
    max_json_bytes: int = setting("MAX_JSON_BYTES", count, default=65_536)

    webhook_max_bytes: int = setting("WEBHOOK_MAX_BYTES", count, default=1_048_576)
    webhook_batch: int = setting("WEBHOOK_BATCH", count, default=10)
    webhook_quick_retries: int = setting("WEBHOOK_QUICK_RETRIES", natural, default=3)
    webhook_backoff_cap: timedelta = setting(
        "WEBHOOK_BACKOFF_CAP_SECONDS", lasting("seconds"), default=MINUTE
    )
    webhook_slow_delays: tuple[timedelta, ...] = setting(
        "WEBHOOK_SLOW_DELAYS", delays, default=SLOW
    )
    # A platform may repeat what it sent: a row that went too early would be stored as new.
    webhook_kept: timedelta = setting(
        "WEBHOOK_KEPT_DAYS", lasting("days", least=14), default=timedelta(days=30)
    )

    inline_budget: timedelta = setting(
        "INLINE_BUDGET_SECONDS", lasting("seconds"), default=timedelta(seconds=8)
    )
    status_cache: timedelta = setting(
        "STATUS_CACHE_SECONDS", lasting("seconds"), default=timedelta(seconds=10)
    )
    media_url_lifetime: timedelta = setting("MEDIA_URL_HOURS", lasting("hours"), default=26 * HOUR)

    refresh_window: timedelta = setting("REFRESH_WINDOW_MINUTES", lasting("minutes"), default=HOUR)
    refresh_batch: int = setting("REFRESH_BATCH", count, default=50)
    token_guard: timedelta = setting("TOKEN_GUARD_MINUTES", lasting("minutes"), default=5 * MINUTE)
    instagram_refresh_window: timedelta = setting(
        "IG_REFRESH_WINDOW_DAYS", lasting("days"), default=timedelta(days=10)
    )
    insights_batch: int = setting("INSIGHTS_BATCH", count, default=50)
    instagram_media_sync: timedelta = setting(
        "IG_MEDIA_SYNC_MINUTES", lasting("minutes"), default=30 * MINUTE
    )
    alert_check_interval: timedelta = setting(
        "ALERT_CHECK_INTERVAL", lasting("seconds"), default=MINUTE
    )

    rate_oauth: tuple[Rate, ...] = setting(
        "RATE_LIMIT_OAUTH", rates, default=(Rate(10, 15 * MINUTE),)
    )
    rate_login: tuple[Rate, ...] = setting(
        "RATE_LIMIT_LOGIN", rates, default=(Rate(10, 15 * MINUTE),)
    )
    rate_user: tuple[Rate, ...] = setting(
        "RATE_LIMIT_USER", rates, default=(Rate(100, MINUTE), Rate(5000, HOUR))
    )
    rate_anonymous: tuple[Rate, ...] = setting(
        "RATE_LIMIT_ANONYMOUS", rates, default=(Rate(20, MINUTE), Rate(500, HOUR))
    )
    rate_instagram_publish: tuple[Rate, ...] = setting(
        "RATE_LIMIT_INSTAGRAM_PUBLISH", rates, default=(Rate(10, MINUTE),)
    )
