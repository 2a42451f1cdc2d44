"""What is read of Instagram accounts in the background, and how often.

Metrics of media up to 30 days old every 6 hours, of the 25 newest; those of stories hourly, while
they last; comments of media up to 7 days old hourly; the audience once a day.
"""

from datetime import timedelta

from platforms.instagram.media import ACCOUNT_COUNT_FIELDS, STORY_LISTING
from platforms.instagram.metric_tables import (
    ACCOUNT_METRICS,
    AUDIENCE_BREAKDOWNS,
    AUDIENCE_METRICS,
    MEDIA_METRICS,
)
from platforms.sampling import SamplingRules

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STORY_LIFETIME = 24 * HOUR
METRIC_WINDOW = 7 * DAY

SAMPLING = SamplingRules(
    item_subject="media",
    item_metrics=tuple(dict.fromkeys(name for names in MEDIA_METRICS.values() for name in names)),
    account_metrics=(
        *ACCOUNT_COUNT_FIELDS,
        *(name for name, metric in ACCOUNT_METRICS.items() if metric.has_total),
    ),
    call_class="sync",
    item_intervals=((30 * DAY, 6 * HOUR),),
    last_interval=None,
    totals_interval=6 * HOUR,
    list_interval_setting="media_sync_interval",
    account_window=METRIC_WINDOW,
    audience_interval=DAY,
    audience_metrics=dict.fromkeys(AUDIENCE_METRICS, AUDIENCE_BREAKDOWNS),
    newest_items=25,
    ending_listing=STORY_LISTING,
    product_intervals={"STORY": ((STORY_LIFETIME, HOUR),)},
    comments_age=7 * DAY,
)
