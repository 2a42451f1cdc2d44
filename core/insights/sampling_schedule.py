"""How often metrics are sampled: the younger a video, the more often. Pure.

Source: every 15 minutes under 72 hours of age, hourly under 14 days, then every 6 to 24 hours.
"""

from datetime import timedelta

from core.backoff import with_jitter

IntervalsByAge = tuple[tuple[timedelta, timedelta], ...]
"""(Maximum age, sampling interval) in ascending order; the first row that fits applies."""

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YOUNG_VIDEO_AGE = 72 * HOUR
MIN_SAMPLE_INTERVAL = 15 * MINUTE
MAX_SAMPLE_INTERVAL = DAY

INTERVALS_BY_VIDEO_AGE: IntervalsByAge = (
    (YOUNG_VIDEO_AGE, MIN_SAMPLE_INTERVAL),
    (14 * DAY, HOUR),
    (90 * DAY, 6 * HOUR),
)
"""By the age of a video. The age of an account's newest video decides how often it is listed."""

INTERVALS_BY_ABSENCE: IntervalsByAge = ((DAY, HOUR), (30 * DAY, DAY))
"""By how long a video has been missing from responses. After the last row it is not queried any
more, and comes back only if a listing contains it.
"""

TOTALS_INTERVAL = HOUR  # between two requests for the totals of an account
JITTER_SHARE = 0.1  # share of an interval by which it is spread


def next_sample_delay(age: timedelta, *, jitter: float) -> timedelta:
    """Return the delay until the next sample of a video of this age.

    The age is negative if the platform's clock is ahead of ours.
    """
    return with_jitter(
        interval_for_age(INTERVALS_BY_VIDEO_AGE, age) or MAX_SAMPLE_INTERVAL,
        jitter=jitter,
        share=JITTER_SHARE,
    )


def next_missing_check_delay(absence: timedelta, *, jitter: float) -> timedelta | None:
    """Return the delay until a missing video is queried again; None if it is not any more."""
    interval = interval_for_age(INTERVALS_BY_ABSENCE, absence)
    if interval is None:
        return None
    return with_jitter(interval, jitter=jitter, share=JITTER_SHARE)


def interval_for_age(intervals: IntervalsByAge, age: timedelta) -> timedelta | None:
    return next((interval for max_age, interval in intervals if age < max_age), None)
