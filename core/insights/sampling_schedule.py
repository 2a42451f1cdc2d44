"""When what is sampled is due next. Pure: the rhythm is that of the platform's `SamplingRules`."""

from datetime import timedelta

from core.backoff import with_jitter
from platforms.sampling import IntervalsByAge, SamplingRules

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

INTERVALS_BY_ABSENCE: IntervalsByAge = ((DAY, HOUR), (30 * DAY, DAY))
"""By how long a post has been missing from responses. After the last row it is not queried any
more, and comes back only if a listing contains it.
"""

JITTER_SHARE = 0.1  # share of an interval by which it is spread

BUSY_PERCENT = 90
"""Share of a platform's call limit from which background reading pauses."""

BUSY_PAUSE = 15 * MINUTE  # if the platform does not say how long calls are refused


def next_sample_delay(
    rules: SamplingRules, age: timedelta, *, product: str | None = None, jitter: float
) -> timedelta | None:
    """Return the delay until the next sample of a post of this age; None if there is none.

    The age is negative if the platform's clock is ahead of ours.
    """
    own_intervals = rules.product_intervals.get(product or "")
    if own_intervals is not None:
        interval = interval_for_age(own_intervals, age)
    else:
        interval = interval_for_age(rules.item_intervals, age) or rules.last_interval
    return None if interval is None else spread_delay(interval, jitter=jitter)


def next_missing_check_delay(absence: timedelta, *, jitter: float) -> timedelta | None:
    """Return the delay until a missing post is queried again; None if it is not any more."""
    interval = interval_for_age(INTERVALS_BY_ABSENCE, absence)
    return None if interval is None else spread_delay(interval, jitter=jitter)


def next_comments_delay(rules: SamplingRules, age: timedelta, *, jitter: float) -> timedelta | None:
    """Return the delay until the comments of a post of this age are read; None if never again."""
    if rules.comments_age is None or age >= rules.comments_age:
        return None
    return spread_delay(rules.comments_interval, jitter=jitter)


def spread_delay(interval: timedelta, *, jitter: float) -> timedelta:
    return with_jitter(interval, jitter=jitter, share=JITTER_SHARE)


def interval_for_age(intervals: IntervalsByAge, age: timedelta) -> timedelta | None:
    return next((interval for max_age, interval in intervals if age < max_age), None)


def pause_after_usage(percent: int, regain: timedelta | None) -> timedelta | None:
    """Return how long reading pauses when so much of a call limit is used up; None: not at all."""
    if percent < BUSY_PERCENT and regain is None:
        return None
    return max(regain or BUSY_PAUSE, BUSY_PAUSE)
