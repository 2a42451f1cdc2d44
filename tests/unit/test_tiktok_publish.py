"""Request bodies for videos, and the parsing of status responses."""

import pytest

from platforms.base import Phase, PublishRequest
from platforms.errors import Unavailable
from platforms.tiktok.publish import (
    parse_creator_info,
    parse_progress,
    post_info,
    source_info,
)


def test_a_file_is_announced_with_its_chunks():
    assert source_info(PublishRequest("INBOX_VIDEO", "FILE_UPLOAD", size=50_000_123)) == {
        "source": "FILE_UPLOAD",
        "video_size": 50_000_123,
        "chunk_size": 50_000_123,
        "total_chunk_count": 1,
    }


def test_a_url_is_announced_without_a_size():
    request = PublishRequest(
        "INBOX_VIDEO", "PULL_FROM_URL", size=5, video_url="https://example.com/a.mp4"
    )
    assert source_info(request) == {
        "source": "PULL_FROM_URL",
        "video_url": "https://example.com/a.mp4",
    }


@pytest.mark.parametrize("size", [None, 0, 4_000_000_001])
def test_an_empty_or_too_large_file_is_refused(size):
    with pytest.raises(ValueError):
        source_info(PublishRequest("INBOX_VIDEO", "FILE_UPLOAD", size=size))


def test_every_flag_is_sent_so_that_no_default_applies():
    assert post_info({"privacy_level": "SELF_ONLY", "title": None}) == {
        "privacy_level": "SELF_ONLY",
        "disable_duet": False,
        "disable_comment": False,
        "disable_stitch": False,
        "brand_content_toggle": False,
        "brand_organic_toggle": False,
        "is_aigc": False,
    }


def test_the_creators_settings_are_sent_and_nothing_else():
    info = post_info(
        {"title": "Hi", "disable_duet": True, "video_cover_timestamp_ms": 0, "account": "x"}
    )
    assert (info["title"], info["disable_duet"]) == ("Hi", True)
    assert info["video_cover_timestamp_ms"] == 0
    assert "account" not in info


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("PROCESSING_UPLOAD", Phase.RECEIVING),
        ("PROCESSING_DOWNLOAD", Phase.PROCESSING),
        ("SEND_TO_USER_INBOX", Phase.DELIVERED),
        ("PUBLISH_COMPLETE", Phase.PUBLISHED),
        ("FAILED", Phase.FAILED),
    ],
)
def test_a_status_becomes_a_phase(status, phase):
    progress = parse_progress({"status": status, "log_id": "2026"})
    assert (progress.phase, progress.vendor_status, progress.log_id) == (phase, status, "2026")


def test_a_cancelled_post_has_its_own_phase():
    progress = parse_progress({"status": "FAILED", "fail_reason": "publish_cancelled"})
    assert (progress.phase, progress.fail_reason) == (Phase.CANCELLED, "publish_cancelled")


def test_a_fail_reason_is_ignored_unless_the_post_failed():
    assert (
        parse_progress({"status": "PUBLISH_COMPLETE", "fail_reason": "internal"}).fail_reason
        is None
    )


@pytest.mark.parametrize("key", ["uploaded_bytes", "downloaded_bytes"])
@pytest.mark.parametrize(
    ("value", "size"),
    [(0, 0), (5_000_000, 5_000_000), ("7", 7), (None, None), (-1, None), ("x", None)],
)
def test_progress_is_reported_in_bytes(key, value, size):
    assert parse_progress({"status": "PROCESSING_UPLOAD", key: value}).bytes_done == size


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ([7602997517160123666], ("7602997517160123666",)),
        (["7602997517160123666", 8], ("7602997517160123666", "8")),
        ([], ()),
        (None, ()),
        ("7", ("7",)),
        (7602997517160123666, ("7602997517160123666",)),
        ("7,8", ("7", "8")),
        ([None, True, {}], ()),
        (0, ()),
    ],
)
@pytest.mark.parametrize("field", ["publicaly_available_post_id", "publicly_available_post_id"])
def test_post_ids_are_text_and_only_public_posts_have_one(value, ids, field):
    progress = parse_progress({"status": "PUBLISH_COMPLETE", field: value})
    assert progress.post_ids == ids
    assert progress.is_public is (True if ids else None)


def test_an_empty_field_does_not_hide_its_other_spelling():
    progress = parse_progress(
        {
            "status": "PUBLISH_COMPLETE",
            "publicaly_available_post_id": [],
            "publicly_available_post_id": ["7"],
            "uploaded_bytes": None,
            "downloaded_bytes": "5",
        }
    )
    assert (progress.post_ids, progress.bytes_done) == (("7",), 5)


CREATOR_ANSWER = {
    "creator_avatar_url": "https://a/b.jpeg",
    "creator_username": "alice",
    "creator_nickname": "Alice",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"],
    "comment_disabled": False,
    "duet_disabled": True,
    "stitch_disabled": False,
    "max_video_post_duration_sec": 300,
}


def test_what_a_creator_may_do_is_read_in_every_shape():
    odd = {
        "privacy_level_options": "PUBLIC_TO_EVERYONE, SELF_ONLY",
        "comment_disabled": "false",
        "duet_disabled": "1",
        "stitch_disabled": 0,
        "max_video_post_duration_sec": "300",
    }
    assert parse_creator_info({**CREATOR_ANSWER, **odd}) == CREATOR_ANSWER
    assert parse_creator_info(CREATOR_ANSWER) == CREATOR_ANSWER


@pytest.mark.parametrize("value", [None, "", {}, [], "\0" * 3])
def test_what_is_not_said_of_a_creator_is_no_limit(value):
    info = parse_creator_info(dict.fromkeys(CREATOR_ANSWER, value))
    assert info["max_video_post_duration_sec"] is None
    assert not info["comment_disabled"]
    assert info["creator_avatar_url"] is None


@pytest.mark.parametrize("status", [None, "", "DONE", 5, ["FAILED", "PUBLISH_COMPLETE"]])
def test_an_undocumented_status_is_an_error_that_is_retried(status):
    with pytest.raises(Unavailable):
        parse_progress({"status": status})
