"""How often numbers are asked for: the younger a video, the more often. Pure tables.

Source: every 15 minutes under 72 hours of age, hourly under 14 days, then every 6 to 24 hours.
"""

from datetime import timedelta

from core.backoff import with_jitter

IntervalsByAge = tuple[tuple[timedelta, timedelta], ...]
"""Younger than this → every so often; the first that fits."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
YOUNG_VIDEO_AGE, MIN_SAMPLE_INTERVAL, MAX_SAMPLE_INTERVAL = 72 * HOUR, 15 * MINUTE, DAY

INTERVALS_BY_VIDEO_AGE: IntervalsByAge = (
    (YOUNG_VIDEO_AGE, MIN_SAMPLE_INTERVAL),
    (14 * DAY, HOUR),
    (90 * DAY, 6 * HOUR),
)
"""Of a video; also of the newest one, for how often new ones are looked for."""

INTERVALS_BY_ABSENCE: IntervalsByAge = ((DAY, HOUR), (30 * DAY, DAY))
"""How long a video has been missing from the answers; after that only a list brings it back."""

TOTALS_INTERVAL = HOUR  # between two questions about the account as a whole
JITTER_SHARE = 0.1  # of a rhythm, by which it is spread


def next_sample_delay(age: timedelta, *, jitter: float) -> timedelta:
    """Until the next numbers of a video of that age; also of one whose clock is ahead of ours."""
    return with_jitter(
        interval_for_age(INTERVALS_BY_VIDEO_AGE, age) or MAX_SAMPLE_INTERVAL,
        jitter=jitter,
        share=JITTER_SHARE,
    )


def next_missing_check_delay(absence: timedelta, *, jitter: float) -> timedelta | None:
    """Until a video is asked for again that was missing for so long; None: no more."""
    interval = interval_for_age(INTERVALS_BY_ABSENCE, absence)
    return interval and with_jitter(interval, jitter=jitter, share=JITTER_SHARE)


def interval_for_age(intervals: IntervalsByAge, age: timedelta) -> timedelta | None:
    return next((interval for max_age, interval in intervals if age < max_age), None)
