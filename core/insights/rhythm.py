"""How often numbers are asked for: the younger a video, the more often. Pure tables.

Source: every 15 minutes under 72 hours of age, hourly under 14 days, then every 6 to 24 hours.
"""

from datetime import timedelta

from core.backoff import spread

Bands = tuple[tuple[timedelta, timedelta], ...]
"""Younger than this → every so often; the first that fits."""

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
YOUNG, OFTEN, SELDOM = 72 * HOUR, 15 * MINUTE, DAY

AGES: Bands = ((YOUNG, OFTEN), (14 * DAY, HOUR), (90 * DAY, 6 * HOUR))
"""Of a video; also of the newest one, for how often new ones are looked for."""

ABSENCES: Bands = ((DAY, HOUR), (30 * DAY, DAY))
"""How long a video has been missing from the answers; after that only a list brings it back."""

TOTALS = HOUR  # between two questions about the account as a whole
LITTLE = 0.1  # of a rhythm, by which it is spread


def sampled_after(age: timedelta, *, dice: float) -> timedelta:
    """Until the next numbers of a video of that age; also of one whose clock is ahead of ours."""
    return spread(band(AGES, age) or SELDOM, dice=dice, share=LITTLE)


def looked_for_after(absence: timedelta, *, dice: float) -> timedelta | None:
    """Until a video is asked for again that was missing for so long; None: no more."""
    found = band(ABSENCES, absence)
    return found and spread(found, dice=dice, share=LITTLE)


def band(bands: Bands, age: timedelta) -> timedelta | None:
    return next((pause for until, pause in bands if age < until), None)
