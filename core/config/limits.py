"""Settings that operators may tune: limits, batch sizes, intervals and retention."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from platforms.setting_types import (
    AtLeast1Second,
    AtLeast14Days,
    Days,
    Durations,
    Hours,
    Minutes,
    NonNegativeInt,
    PositiveInt,
    Rate,
    Rates,
    Seconds,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DEFAULT_SLOW_DELAYS = tuple(timedelta(minutes=value) for value in (5, 15, 30, 60, 120, 240, 480))


class LimitSettings(BaseModel):
    """Units: durations are timedelta, sizes are bytes."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    # A replica that lacks something older than this answers no reads.
    replica_max_lag: AtLeast1Second = Field(
        default=timedelta(seconds=5), validation_alias="DATABASE_REPLICA_LAG_SECONDS"
    )
    max_json_bytes: PositiveInt = Field(default=65_536, validation_alias="MAX_JSON_BYTES")

    webhook_max_bytes: PositiveInt = Field(default=1_048_576, validation_alias="WEBHOOK_MAX_BYTES")
    webhook_batch_size: PositiveInt = Field(default=10, validation_alias="WEBHOOK_BATCH")
    webhook_quick_retries: NonNegativeInt = Field(
        default=3, validation_alias="WEBHOOK_QUICK_RETRIES"
    )
    webhook_backoff_cap: Seconds = Field(
        default=MINUTE, validation_alias="WEBHOOK_BACKOFF_CAP_SECONDS"
    )
    webhook_slow_delays: Durations = Field(
        default=DEFAULT_SLOW_DELAYS, validation_alias="WEBHOOK_SLOW_DELAYS"
    )
    # Platforms repeat deliveries; one whose row was deleted too early would be stored as new.
    webhook_retention: AtLeast14Days = Field(default=30 * DAY, validation_alias="WEBHOOK_KEPT_DAYS")

    inline_time_budget: Seconds = Field(
        default=timedelta(seconds=8), validation_alias="INLINE_BUDGET_SECONDS"
    )
    status_cache_lifetime: Seconds = Field(
        default=timedelta(seconds=10), validation_alias="STATUS_CACHE_SECONDS"
    )
    media_user_max_bytes: PositiveInt = Field(
        default=50_000_000_000, validation_alias="MEDIA_USER_MAX_BYTES"
    )
    media_user_max_unfinished: PositiveInt = Field(
        default=50, validation_alias="MEDIA_USER_MAX_UNFINISHED"
    )
    media_unfinished_lifetime: Hours = Field(
        default=2 * DAY, validation_alias="MEDIA_UNFINISHED_HOURS"
    )
    media_min_free_bytes: NonNegativeInt = Field(
        default=2**30, validation_alias="MEDIA_MIN_FREE_BYTES"
    )
    media_url_lifetime: Hours = Field(default=26 * HOUR, validation_alias="MEDIA_URL_HOURS")

    # How long disconnected accounts stay, with all that is stored of them; zero keeps them.
    disconnected_retention: Days = Field(
        default=timedelta(0), validation_alias="DISCONNECTED_KEPT_DAYS"
    )

    refresh_window: Minutes = Field(default=HOUR, validation_alias="REFRESH_WINDOW_MINUTES")
    refresh_batch_size: PositiveInt = Field(default=50, validation_alias="REFRESH_BATCH")
    token_guard: Minutes = Field(default=5 * MINUTE, validation_alias="TOKEN_GUARD_MINUTES")
    insights_batch_size: PositiveInt = Field(default=50, validation_alias="INSIGHTS_BATCH")
    alert_check_interval: Seconds = Field(default=MINUTE, validation_alias="ALERT_CHECK_INTERVAL")

    oauth_rates: Rates = Field(
        default=(Rate(10, 15 * MINUTE),), validation_alias="RATE_LIMIT_OAUTH"
    )
    login_rates: Rates = Field(
        default=(Rate(10, 15 * MINUTE),), validation_alias="RATE_LIMIT_LOGIN"
    )
    user_rates: Rates = Field(
        default=(Rate(600, MINUTE), Rate(20_000, HOUR)), validation_alias="RATE_LIMIT_USER"
    )
    anonymous_rates: Rates = Field(
        default=(Rate(20, MINUTE), Rate(500, HOUR)), validation_alias="RATE_LIMIT_ANONYMOUS"
    )
    page_rates: Rates = Field(
        default=(Rate(600, MINUTE), Rate(10_000, HOUR)), validation_alias="RATE_LIMIT_PAGES"
    )
