"""Which metrics of TikTok's accounts and videos are sampled, and how often.

The younger a video, the more often: every 15 minutes under 72 hours of age, hourly under 14 days,
then every 6 to 24 hours.
"""

from datetime import timedelta

from platforms.sampling import SamplingRules

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAX_VIDEOS_PER_REQUEST = 20

SAMPLING = SamplingRules(
    item_subject="video",
    item_metrics=("views", "likes", "comments", "shares"),
    account_metrics=("followers", "following", "likes", "videos"),
    call_class="reads",
    item_intervals=((72 * HOUR, 15 * MINUTE), (14 * DAY, HOUR), (90 * DAY, 6 * HOUR)),
    last_interval=DAY,
    totals_interval=HOUR,
    items_per_request=MAX_VIDEOS_PER_REQUEST,
)
