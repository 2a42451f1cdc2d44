"""Small parts of publishing, each on its own: keys, links, films, progress, waiting."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid, NotFound
from core.media import films
from core.media.files import plain
from core.media.signed import opened, sign
from core.outcomes import Failure
from core.posts.idempotency import digest, key
from core.posts.progress import progress
from core.posts.publish import code_of, step_of
from db.posts import Post
from platforms.secret import Secret

NOW = datetime(2026, 11, 25, tzinfo=UTC)
KEY = Secret("a-secret-key-of-the-tests")
FITS = {
    "duration_ms": 3000,
    "width": 640,
    "height": 360,
    "fps": 24.0,
    "codec": "h264",
    "container": "mp4",
}


@pytest.mark.parametrize("text", ["a", "8f14e45f-ceea", "x" * 255, "with blanks inside", None])
def test_a_printable_key_is_taken(text):
    assert key(text) == text


@pytest.mark.parametrize("text", ["", " ", " a", "a ", "x" * 256, "é", "a\tb", "a\nb", "a\x00"])
def test_any_other_key_is_refused(text):
    with pytest.raises(Invalid):
        key(text)


def test_equal_wishes_have_one_digest_however_they_are_written():
    assert digest({"a": 1, "b": "é"}) == digest({"b": "é", "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})


@given(st.integers(1, 2**63 - 1), st.integers(1, 10**6))
def test_a_signed_link_opens_until_its_end(media_id, seconds):
    token = sign(KEY, media_id, until=NOW + timedelta(seconds=seconds))

    assert opened(KEY, token, now=NOW) == media_id
    with pytest.raises(NotFound):
        opened(KEY, token, now=NOW + timedelta(seconds=seconds))


@given(st.text() | st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"))
def test_no_other_text_opens_anything(token):
    with pytest.raises(NotFound):
        opened(KEY, token, now=NOW)


def test_a_link_of_another_key_or_with_one_sign_changed_opens_nothing():
    token = sign(KEY, 7, until=NOW + timedelta(hours=1))
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")

    for other in (sign(Secret("another key"), 7, until=NOW + timedelta(hours=1)), changed):
        with pytest.raises(NotFound):
            opened(KEY, other, now=NOW)


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
def test_a_film_is_judged_as_the_platform_would(changed, code):
    assert films.unfit({**FITS, **changed}) == code


def test_what_nobody_could_read_is_unfit():
    assert films.unfit(None) == "file_format_check_failed"


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("film.mp4", "film.mp4"),
        ("../../etc/passwd", "passwd"),
        ("C:\\films\\a.mov", "a.mov"),
        ("a\nb\x07.mp4", "ab.mp4"),
        ("", "file"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_file_name_is_for_showing_only(given_name, shown):
    assert plain(given_name) == shown


def a_post(**columns):
    usual = {"state": "SENDING", "sent_by": "SIGNALPOST", "attempts": 1, "memo": {}}
    return Post(**{**usual, **columns})


@pytest.mark.parametrize(
    ("sent", "chunk"), [(0, 0), (9_999_999, 0), (10_000_000, 1), (65_000_000, 6), (75_000_000, 7)]
)
def test_progress_counts_whole_chunks(sent, chunk):
    far = progress(a_post(bytes_total=75_000_000, bytes_sent=sent), now=NOW)

    assert (far.chunk, far.total_chunks) == (chunk, 7)


def test_progress_tells_speed_and_the_time_that_is_left():
    post = a_post(bytes_total=3000, bytes_sent=1000, started_at=NOW - timedelta(seconds=10))

    far = progress(post, now=NOW)

    assert (far.bytes_per_second, far.eta_seconds) == (100, 20)


def test_progress_of_a_pull_knows_no_bytes():
    far = progress(a_post(bytes_total=None, bytes_sent=0), now=NOW)

    assert (far.bytes_total, far.total_chunks, far.eta_seconds) == (None, None, None)


@pytest.mark.parametrize(
    ("columns", "step"),
    [
        ({"state": "QUEUED"}, "start"),
        ({"publish_id": None}, "start"),
        ({"state": "QUEUED", "publish_id": None, "sent_by": "PLATFORM"}, "consult"),
        (
            {
                "state": "QUEUED",
                "publish_id": None,
                "sent_by": "PLATFORM",
                "memo": {"agreed": "2026-11-28T00:00:00+00:00"},
            },
            "start",
        ),
        ({"publish_id": None, "sent_by": "PLATFORM"}, "reconcile"),
        ({"publish_id": None, "state": "UNCONFIRMED"}, "reconcile"),
        ({"publish_id": "p"}, "send"),
        ({"publish_id": "p", "attempts": 2}, "check"),
        ({"publish_id": "p", "attempts": 3, "memo": {"asked": True}}, "send"),
        ({"publish_id": "p", "memo": {"dead": "upload_url_expired"}}, "check"),
        ({"publish_id": "p", "sent_by": "CALLER"}, "check"),
        ({"publish_id": "p", "state": "UNCONFIRMED"}, "check"),
        ({"publish_id": "p", "state": "PROCESSING"}, "check"),
        ({"publish_id": "p", "state": "PUBLISHED"}, "check"),
    ],
)
def test_the_next_step_follows_from_what_is_known(columns, step):
    assert step_of(a_post(**columns)) == step


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("NETWORK_ERROR", "tiktok_unavailable"),
        ("platform_unavailable", "tiktok_unavailable"),
        ("timeout", "timeout"),
        ("KeyError", "upload_failed"),
        ("out_of_attempts", "upload_failed"),
        ("spam_risk", "spam_risk"),
    ],
)
def test_a_failure_has_a_code_that_people_know(code, ours):
    assert code_of(Failure(code, "why"), "tiktok") == ours
