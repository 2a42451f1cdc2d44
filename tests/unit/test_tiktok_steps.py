"""Which step a TikTok post needs next, which may be repeated, and what recognises a lost post."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from platforms.base import Phase, PublishProgress
from platforms.publishing import (
    NO_STEP,
    MediaItem,
    Part,
    PartDiscarded,
    PartFailed,
    PartSent,
    Publication,
    Safety,
    WaitFor,
)
from platforms.secret import Secret
from platforms.tiktok.match import is_same_caption, is_same_duration
from platforms.tiktok.platform import KINDS
from platforms.tiktok.step_publisher import results_of_progress, results_of_unknown_id
from platforms.tiktok.steps import URL_INVALID, find_next_step, find_step_safety

NOW = datetime(2026, 11, 25, tzinfo=UTC)
SIZE = 70_000_000  # bytes: seven chunks
OUR_FILE = MediaItem(0, "video", media_id=1, size=SIZE)
CALLERS_FILE = MediaItem(0, "video", size=SIZE)
PULL = MediaItem(0, "video", url="https://example.com/film.mp4")
URL = Secret("https://upload.example.com")
STARTED = Part(0, "video", handle="p", upload_url=URL, expires_at=NOW + timedelta(hours=1))
PROCESSING, RECEIVING = Phase.PROCESSING, Phase.RECEIVING


def make_publication(*media, part=None, **more):
    defaults = {"started_at": NOW - timedelta(minutes=5), "created_at": NOW - timedelta(hours=1)}
    return Publication(
        kind=KINDS["INBOX_VIDEO"],
        text="A video",
        destination_id="person",
        now=NOW,
        media=media or (OUR_FILE,),
        parts=() if part is None else (part,),
        **{**defaults, **more},
    )


@pytest.mark.parametrize(
    ("media", "part", "more", "step"),
    [
        (OUR_FILE, None, {}, "start"),
        (PULL, None, {}, "start"),
        (OUR_FILE, Part(0, "video", tries=1), {}, "start"),
        (OUR_FILE, STARTED, {}, "send"),
        (OUR_FILE, replace(STARTED, next_offset=60_000_000), {}, "send_last"),
        (OUR_FILE, replace(STARTED, next_offset=SIZE), {}, "check"),
        (OUR_FILE, STARTED, {"is_offset_certain": False}, "check"),
        (OUR_FILE, replace(STARTED, status=URL_INVALID), {}, "check"),
        (OUR_FILE, replace(STARTED, upload_url=None), {}, "check"),
        (OUR_FILE, STARTED, {"phase": PROCESSING}, "check"),
        (CALLERS_FILE, STARTED, {}, "check"),
        (PULL, Part(0, "video", handle="p"), {"phase": PROCESSING}, "check"),
        (OUR_FILE, STARTED, {"phase": Phase.DELIVERED, "is_recheck": True}, "check"),
        (OUR_FILE, STARTED, {"phase": Phase.PUBLISHED, "is_recheck": True}, "check"),
        (OUR_FILE, STARTED, {"phase": Phase.PUBLISHED}, NO_STEP),
        (PULL, None, {"phase": Phase.PUBLISHED}, NO_STEP),
        (OUR_FILE, STARTED, {"phase": Phase.FAILED, "is_recheck": True}, "check"),
        (OUR_FILE, None, {"phase": Phase.CANCELLED}, NO_STEP),
    ],
)
def test_the_next_step_follows_from_the_post(media, part, more, step):
    assert find_next_step(make_publication(media, part=part, **more)) == step


def test_only_what_may_publish_is_unsafe():
    pull, upload = make_publication(PULL), make_publication(OUR_FILE)
    assert find_step_safety("start", pull) is Safety.UNSAFE
    assert find_step_safety("start", upload) is Safety.REPLACEABLE
    assert find_step_safety("start", make_publication(CALLERS_FILE)) is Safety.REPLACEABLE
    assert find_step_safety("send", upload) is Safety.SAFE
    assert find_step_safety("send_last", upload) is Safety.UNSAFE
    assert find_step_safety("check", pull) is Safety.SAFE


def results_of(publication, phase, **more):
    return results_of_progress(publication, PublishProgress(phase, "STATUS", **more))


def test_an_upload_goes_on_where_the_platform_is():
    publication = make_publication(part=STARTED)
    assert results_of(publication, RECEIVING, bytes_done=10_000_000) == [PartSent(0, 10_000_000)]
    assert results_of(publication, RECEIVING, bytes_done=SIZE) == [WaitFor()]
    assert results_of(publication, PROCESSING) == [WaitFor()]
    assert results_of(publication, Phase.PUBLISHED) == []


@pytest.mark.parametrize("status", [URL_INVALID, None])
def test_an_upload_url_that_does_not_work_restarts_only_without_bytes(status):
    expires_at = NOW if status is None else NOW + timedelta(hours=1)
    part = replace(STARTED, status=status, expires_at=expires_at)
    publication = make_publication(part=part)
    (restart,) = results_of(publication, RECEIVING, bytes_done=0)
    (failure,) = results_of(publication, RECEIVING, bytes_done=1)
    assert isinstance(restart, PartDiscarded)
    assert isinstance(failure, PartFailed)


def test_the_upload_of_a_caller_is_waited_for_until_its_url_expires():
    publication = make_publication(CALLERS_FILE, part=STARTED)
    assert results_of(publication, RECEIVING, bytes_done=1) == [WaitFor()]
    expired = replace(publication, parts=(replace(STARTED, expires_at=NOW),))
    assert isinstance(results_of(expired, RECEIVING, bytes_done=1)[0], PartFailed)


def test_a_delivered_draft_is_followed_for_a_week():
    publication = make_publication(part=STARTED)
    (wait,) = results_of(publication, Phase.DELIVERED)
    assert wait.delay == timedelta(hours=6)
    old = replace(publication, started_at=NOW - timedelta(days=7))
    assert results_of(old, Phase.DELIVERED) == []


def test_an_unknown_publication_restarts_our_upload_unless_it_is_young():
    publication = make_publication(part=STARTED)
    assert isinstance(results_of_unknown_id(publication)[0], PartDiscarded)
    young = replace(publication, started_at=NOW - timedelta(seconds=59))
    assert isinstance(results_of_unknown_id(young)[0], WaitFor)
    assert results_of_unknown_id(replace(publication, phase=Phase.PUBLISHED)) == []
    pull = make_publication(PULL, part=Part(0, "video", handle="p"), phase=PROCESSING)
    assert results_of_unknown_id(pull) == [WaitFor()]


@pytest.mark.parametrize(
    ("caption", "listed_caption", "is_same"),
    [
        ("A video", "A video", True),
        (" A  video\n", "A video", True),
        ("A video", "a video", False),
        ("A video", "A vide", False),
        ("A video", "", False),
        ("x" * 200, "x" * 150, True),
        ("x" * 200, "x" * 74, False),
        ("x" * 150, "x" * 151, False),
        ("\U0001f3ac" * 100, "\U0001f3ac" * 75, True),
    ],
)
def test_a_caption_matches_also_if_the_platform_truncated_it(caption, listed_caption, is_same):
    assert is_same_caption(caption, listed_caption) is is_same


@pytest.mark.parametrize(
    ("listed_duration", "duration", "is_same"),
    [
        (timedelta(seconds=12), timedelta(seconds=12.4), True),
        (timedelta(seconds=12), timedelta(seconds=14), False),
        (None, timedelta(seconds=14), True),
        (timedelta(seconds=12), None, True),
    ],
)
def test_a_duration_excludes_a_video_only_where_both_are_known(listed_duration, duration, is_same):
    assert is_same_duration(listed_duration, duration) is is_same
