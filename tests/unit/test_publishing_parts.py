"""Pure parts of publishing: idempotency keys, signed links, video rules, progress, next steps."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid, NotFound
from core.media.file_names import display_filename
from core.media.rule_check import find_violation
from core.media.signed_urls import sign_media_token, verify_media_token
from core.outcomes import Failure
from core.publishing.create import request_digest, validate_idempotency_key
from core.publishing.job_types import public_error_code
from core.publishing.queries import upload_progress
from db.posts.posts import Post
from platforms.registry import PLATFORMS
from platforms.secret import Secret

NOW = datetime(2026, 11, 25, tzinfo=UTC)
LINK_KEY = Secret("a-secret-key-of-the-tests")
VALID_PROBE = {
    "duration_ms": 3000,
    "width": 640,
    "height": 360,
    "fps": 24.0,
    "codec": "h264",
    "container": "mp4",
}


@pytest.mark.parametrize("text", ["a", "8f14e45f-ceea", "x" * 255, "with blanks inside", None])
def test_a_printable_idempotency_key_is_accepted(text):
    assert validate_idempotency_key(text) == text


@pytest.mark.parametrize("text", ["", " ", " a", "a ", "x" * 256, "é", "a\tb", "a\nb", "a\x00"])
def test_any_other_idempotency_key_is_refused(text):
    with pytest.raises(Invalid):
        validate_idempotency_key(text)


def test_equal_requests_have_one_digest_however_they_are_written():
    assert request_digest({"a": 1, "b": "é"}) == request_digest({"b": "é", "a": 1})
    assert request_digest({"a": 1}) != request_digest({"a": "1"})


@given(st.integers(1, 2**63 - 1), st.integers(1, 10**6))
def test_a_signed_link_is_valid_until_it_expires(media_id, seconds):
    token = sign_media_token(LINK_KEY, media_id, expires_at=NOW + timedelta(seconds=seconds))

    assert verify_media_token(LINK_KEY, token, now=NOW) == media_id
    with pytest.raises(NotFound):
        verify_media_token(LINK_KEY, token, now=NOW + timedelta(seconds=seconds))


@given(st.text() | st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"))
def test_no_other_text_is_a_valid_link_token(token):
    with pytest.raises(NotFound):
        verify_media_token(LINK_KEY, token, now=NOW)


def test_a_link_of_another_key_or_with_one_character_changed_is_invalid():
    token = sign_media_token(LINK_KEY, 7, expires_at=NOW + timedelta(hours=1))
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")

    for other in (
        sign_media_token(Secret("another key"), 7, expires_at=NOW + timedelta(hours=1)),
        changed,
    ):
        with pytest.raises(NotFound):
            verify_media_token(LINK_KEY, other, now=NOW)


def violation_code(media_info):
    violation = find_violation(PLATFORMS["tiktok"].media_rules["video"], media_info)
    return violation and violation.code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"container": "avi"}, "file_format_check_failed"),
        ({"codec": "av1"}, "file_format_check_failed"),
        ({"duration_ms": 600_001}, "duration_check_failed"),
        ({"fps": 22.0}, "frame_rate_check_failed"),
        ({"fps": 61.0}, "frame_rate_check_failed"),
        ({"width": 359}, "picture_size_check_failed"),
        ({"height": 4097}, "picture_size_check_failed"),
        ({"fps": 59.94}, None),
        ({"fps": None}, None),
        ({"container": "webm", "codec": "vp9"}, None),
        ({"duration_ms": 600_000}, None),
    ],
)
def test_a_video_is_validated_as_the_platform_would(changed, code):
    assert violation_code({**VALID_PROBE, **changed}) == code


def test_a_video_that_could_not_be_probed_is_refused():
    assert violation_code(None) == "file_format_check_failed"


@pytest.mark.parametrize(
    ("given_name", "displayed"),
    [
        ("film.mp4", "film.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\a.mov", "a.mov"),
        ("a\nb\x07.mp4", "ab.mp4"),
        ("", "file"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_file_name_is_made_displayable(given_name, displayed):
    assert display_filename(given_name) == displayed


def make_post(**columns):
    defaults = {
        "provider": "tiktok",
        "state": "SENDING",
        "sent_by": "SIGNALPOST",
        "attempts": 1,
        "step_state": {},
    }
    return Post(**{**defaults, **columns})


@pytest.mark.parametrize(
    ("sent", "chunk"), [(0, 0), (9_999_999, 0), (10_000_000, 1), (65_000_000, 6), (75_000_000, 7)]
)
def test_progress_counts_whole_chunks(sent, chunk):
    progress = upload_progress(make_post(bytes_total=75_000_000, bytes_sent=sent), now=NOW)

    assert (progress.chunk, progress.total_chunks) == (chunk, 7)


def test_progress_reports_speed_and_remaining_time():
    post = make_post(bytes_total=3000, bytes_sent=1000, started_at=NOW - timedelta(seconds=10))

    progress = upload_progress(post, now=NOW)

    assert (progress.bytes_per_second, progress.eta_seconds) == (100, 20)


def test_the_progress_of_a_pull_has_no_bytes():
    progress = upload_progress(make_post(bytes_total=None, bytes_sent=0), now=NOW)

    assert (progress.bytes_total, progress.total_chunks, progress.eta_seconds) == (None, None, None)


@pytest.mark.parametrize(
    ("code", "public_code"),
    [
        ("NETWORK_ERROR", "tiktok_unavailable"),
        ("platform_unavailable", "tiktok_unavailable"),
        ("timeout", "timeout"),
        ("KeyError", "upload_failed"),
        ("out_of_attempts", "upload_failed"),
        ("spam_risk", "spam_risk"),
    ],
)
def test_a_failure_has_a_public_code(code, public_code):
    assert public_error_code(Failure(code, "why"), "tiktok") == public_code
