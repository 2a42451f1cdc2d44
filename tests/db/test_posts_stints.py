"""Some chunks at a time: how many one claim sends, and what is known of them meanwhile."""

import pytest

from core import posts
from core.engine.work import run
from core.posts import send
from tests.platforms.hostile import answer
from tests.publishing import UPLOAD

BIG = 70_000_000  # bytes: seven chunks
CUTS = range(10_000_000, BIG + 1, 10_000_000)


@pytest.fixture
def a_long_film(desk):
    """The id of a post that was started and has no bytes at the platform yet."""
    desk.starts()
    account = desk.tenants.account(desk.tenants.an_account())
    media = desk.a_file(account.user_id, b"x" * BIG)
    wish = {"source": "FILE_UPLOAD", "title": "A film", "media_id": media}
    post_id = desk.request(account.user_id, wish).post.id
    run(posts.WORK, desk.database, desk.world)
    return post_id


def stored(end, total):
    return answer(201 if end == total else 206, b"", Content_Range=f"bytes 0-{end - 1}/{total}")


def uploads(desk):
    return run(posts.UPLOADS, desk.database, desk.world)


def test_the_last_chunk_waits_for_a_claim_of_its_own(desk, a_long_film, monkeypatch):
    """Until then the post can be taken back, and whoever is at work on it completes nothing."""
    monkeypatch.setattr(send, "STINT", 60.0)
    desk.says(UPLOAD, *(stored(cut, BIG) for cut in CUTS))

    uploads(desk)

    assert len(desk.calls(UPLOAD)) == 6
    assert desk.post(a_long_film).bytes_sent == 60_000_000
    desk.cancels(a_long_film)
    assert uploads(desk).claimed == 0
    assert len(desk.calls(UPLOAD)) == 6


def test_a_stint_is_over_with_its_time(desk, a_long_film, monkeypatch):
    monkeypatch.setattr(send, "STINT", 0.0)
    desk.says(UPLOAD, *(stored(cut, BIG) for cut in CUTS))

    uploads(desk)

    assert desk.post(a_long_film).bytes_sent == 10_000_000


def test_what_was_sent_before_a_chunk_failed_is_kept(desk, a_long_film):
    desk.says(UPLOAD, stored(10_000_000, BIG), answer(500, b""))

    uploads(desk)
    assert (desk.post(a_long_film).bytes_sent, desk.post(a_long_film).last_error) == (
        10_000_000,
        None,
    )

    uploads(desk)
    assert "answered 500" in desk.post(a_long_film).last_error
