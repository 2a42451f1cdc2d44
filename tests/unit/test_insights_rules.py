"""Rules of insights: sampling intervals, sums, engagement rates, matching of captions."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from core.insights.history import default_step
from core.insights.queries import engagement_rate, sum_known, sum_videos
from core.insights.sampling_schedule import (
    INTERVALS_BY_ABSENCE,
    next_comments_delay,
    next_missing_check_delay,
    next_sample_delay,
    pause_after_usage,
)
from core.observability import metrics
from platforms.registry import PLATFORMS

TIKTOK = PLATFORMS["tiktok"].sampling
INSTAGRAM = PLATFORMS["instagram"].sampling
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "interval"),
    [
        (-DAY, 15 * MINUTE),
        (timedelta(0), 15 * MINUTE),
        (72 * HOUR - MINUTE, 15 * MINUTE),
        (72 * HOUR, HOUR),
        (14 * DAY - MINUTE, HOUR),
        (14 * DAY, 6 * HOUR),
        (90 * DAY, DAY),
        (3650 * DAY, DAY),
    ],
)
def test_the_sampling_interval_of_an_age(age, interval):
    assert next_sample_delay(TIKTOK, age, jitter=0.5) == interval


@pytest.mark.parametrize(
    ("product", "age", "interval"),
    [
        ("FEED", timedelta(0), 6 * HOUR),
        ("REELS", 30 * DAY - MINUTE, 6 * HOUR),
        (None, 30 * DAY, None),
        ("STORY", 23 * HOUR, HOUR),
        ("STORY", 24 * HOUR, None),
    ],
)
def test_the_sampling_interval_of_a_product_ends_with_it(product, age, interval):
    assert next_sample_delay(INSTAGRAM, age, product=product, jitter=0.5) == interval


@pytest.mark.parametrize(
    ("rules", "age", "interval"),
    [(INSTAGRAM, 7 * DAY - MINUTE, HOUR), (INSTAGRAM, 7 * DAY, None), (TIKTOK, HOUR, None)],
)
def test_comments_are_read_hourly_on_young_posts_of_platforms_that_have_them(rules, age, interval):
    assert next_comments_delay(rules, age, jitter=0.5) == interval


@pytest.mark.parametrize(
    ("percent", "regain", "pause"),
    [
        (89, None, None),
        (90, None, 15 * MINUTE),
        (95, HOUR, HOUR),
        (20, HOUR, HOUR),
        (100, MINUTE, 15 * MINUTE),
    ],
)
def test_reading_pauses_when_most_of_a_call_limit_is_used_up(percent, regain, pause):
    assert pause_after_usage(percent, regain) == pause


@pytest.mark.parametrize(
    ("absence", "interval"), [(timedelta(0), HOUR), (DAY, DAY), (30 * DAY, None), (99 * DAY, None)]
)
def test_the_sampling_interval_of_a_missing_video(absence, interval):
    assert next_missing_check_delay(absence, jitter=0.5) == interval


@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_a_sampling_interval_is_spread_by_a_tenth_and_no_more(jitter):
    assert abs(next_sample_delay(TIKTOK, timedelta(0), jitter=jitter) - 15 * MINUTE) <= 1.5 * MINUTE
    assert next_sample_delay(TIKTOK, timedelta(0), jitter=jitter) != 15 * MINUTE


@pytest.mark.parametrize("intervals", [TIKTOK.item_intervals, INTERVALS_BY_ABSENCE])
def test_intervals_grow_with_the_age(intervals):
    assert list(intervals) == sorted(intervals)
    assert [interval for _, interval in intervals] == sorted(interval for _, interval in intervals)


@pytest.mark.parametrize(
    ("counts", "rate"),
    [
        ((200, 10, 4, 1), 7.5),
        ((3, 1, 0, 0), 33.33),
        ((0, 0, 0, 0), 0.0),
        ((0, 5, 0, 0), 0.0),
        ((2**62, 2**61, 0, 0), 50.0),
        ((None, 1, 1, 1), None),
        ((10, None, 1, 1), None),
    ],
)
def test_engagement_is_in_per_cent_and_unknown_if_a_count_is(counts, rate):
    assert engagement_rate(*counts) == rate


def make_video(number, *, views=None, missing_since=None, at=NOON):
    counts = {"views": views, "likes": None, "comments": 0, "shares": None}
    fields = {"video_id": str(number), "url": f"https://t/{number}", "counted_at": at}
    return SimpleNamespace(**counts, **fields, missing_since=missing_since)


def test_sums_of_several_videos_keep_unknown_counts_unknown():
    sums = sum_videos([make_video(1, views=3), make_video(2, at=NOON - HOUR)])
    assert (sums.views, sums.likes, sums.comments) == (3, None, 0)
    assert sums.video_ids == ("1", "2")
    assert sums.counted_at == NOON - HOUR
    assert sum_videos([]) is None
    assert (sum_known([]), sum_known([None]), sum_known([None, 2, 3])) == (None, None, 5)


def test_several_videos_are_missing_only_if_all_of_them_are():
    missing = make_video(1, missing_since=NOON)
    missing_later = make_video(2, missing_since=NOON + HOUR)
    assert sum_videos([missing, make_video(3)]).missing_since is None
    assert sum_videos([missing, make_video(3)]).url == "https://t/3"
    assert sum_videos([missing, missing_later]).missing_since == NOON + HOUR


@pytest.mark.parametrize(
    ("length", "step"), [(3 * DAY, "raw"), (3 * DAY + MINUTE, "hour"), (31 * DAY, "day")]
)
def test_the_longer_a_time_range_the_coarser_its_default_step(length, step):
    assert default_step(length) == step


def test_insights_requests_are_counted_in_the_metrics():
    exposition = metrics.render_exposition({}).decode()
    for name in ("insights_fetch", "insights_items", "insights_seconds"):
        assert f"signalpost_{name}" in exposition
