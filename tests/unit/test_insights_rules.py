"""The arithmetic of numbers: how often they are asked for, and what they come to together."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from core.insights.history import default_step
from core.insights.queries import engagement_rate, sum_known, sum_videos
from core.insights.sampling_schedule import (
    INTERVALS_BY_ABSENCE,
    INTERVALS_BY_VIDEO_AGE,
    next_missing_check_delay,
    next_sample_delay,
)
from core.observability import metrics
from core.publishing.steps.reconcile import is_same_caption, is_same_duration

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "pause"),
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
def test_the_sampling_interval_of_an_age(age, pause):
    assert next_sample_delay(age, jitter=0.5) == pause


@pytest.mark.parametrize(
    ("absence", "pause"), [(timedelta(0), HOUR), (DAY, DAY), (30 * DAY, None), (99 * DAY, None)]
)
def test_the_sampling_interval_of_a_missing_video(absence, pause):
    assert next_missing_check_delay(absence, jitter=0.5) == pause


@pytest.mark.parametrize("dice", [0.0, 0.999])
def test_a_sampling_interval_is_spread_by_a_tenth_and_no_more(dice):
    assert abs(next_sample_delay(timedelta(0), jitter=dice) - 15 * MINUTE) <= 1.5 * MINUTE
    assert next_sample_delay(timedelta(0), jitter=dice) != 15 * MINUTE


@pytest.mark.parametrize("bands", [INTERVALS_BY_VIDEO_AGE, INTERVALS_BY_ABSENCE])
def test_bands_grow_older_and_rarer(bands):
    assert list(bands) == sorted(bands)
    assert [pause for _, pause in bands] == sorted(pause for _, pause in bands)


@pytest.mark.parametrize(
    ("numbers", "rate"),
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
def test_engagement_is_per_cent_and_unknown_if_anything_is(numbers, rate):
    assert engagement_rate(*numbers) == rate


def make_video(number, *, views=None, gone=None, at=NOON):
    counts = {"views": views, "likes": None, "comments": 0, "shares": None}
    fields = {"video_id": str(number), "url": f"https://t/{number}", "counted_at": at}
    return SimpleNamespace(**counts, **fields, missing_since=gone)


def test_several_videos_are_summed_without_inventing_anything():
    both = sum_videos([make_video(1, views=3), make_video(2, at=NOON - HOUR)])
    assert (both.views, both.likes, both.comments) == (3, None, 0)
    assert both.video_ids == ("1", "2")
    assert both.counted_at == NOON - HOUR
    assert sum_videos([]) is None
    assert (sum_known([]), sum_known([None]), sum_known([None, 2, 3])) == (None, None, 5)


def test_several_videos_are_gone_only_once_all_of_them_are():
    gone, later = make_video(1, gone=NOON), make_video(2, gone=NOON + HOUR)
    assert sum_videos([gone, make_video(3)]).missing_since is None
    assert sum_videos([gone, make_video(3)]).url == "https://t/3"
    assert sum_videos([gone, later]).missing_since == NOON + HOUR


@pytest.mark.parametrize(
    ("length", "step"), [(3 * DAY, "raw"), (3 * DAY + MINUTE, "hour"), (31 * DAY, "day")]
)
def test_the_longer_a_span_the_coarser_it_is_shown(length, step):
    assert default_step(length) == step


@pytest.mark.parametrize(
    ("ours", "shown", "is_same"),
    [
        ("A film", "A film", True),
        (" A  film\n", "A film", True),
        ("A film", "a film", False),
        ("A film", "A fil", False),
        ("A film", "", False),
        ("x" * 200, "x" * 150, True),
        ("x" * 200, "x" * 74, False),
        ("x" * 150, "x" * 151, False),
        ("\U0001f3ac" * 100, "\U0001f3ac" * 75, True),
    ],
)
def test_a_caption_is_known_again_also_when_it_is_shown_cut(ours, shown, is_same):
    assert is_same_caption(ours, shown) is is_same


@pytest.mark.parametrize(
    ("told", "length", "is_same"),
    [
        (12, timedelta(seconds=12.4), True),
        (12, timedelta(seconds=14), False),
        (None, timedelta(seconds=14), True),
        (12, None, True),
    ],
)
def test_a_duration_excludes_a_video_only_where_both_are_known(told, length, is_same):
    assert is_same_duration(told, length) is is_same


def test_numbers_are_counted_by_question_and_outcome():
    shown = metrics.render_exposition({}).decode()
    for name in ("insights_fetch", "insights_items", "insights_seconds"):
        assert f"signalpost_{name}" in shown
