"""Films on their way in company: how many of one account at once, and from which file."""

import os
import tracemalloc
from datetime import timedelta

import pytest
from sqlalchemy import func

from core import posts
from core.engine.perform import perform
from core.engine.work import claim, run
from core.ledger.settle import State
from core.outcomes import Later
from core.posts import send
from core.posts.send import AT_ONCE
from db.posts import Post
from platforms.chunks import plan
from tests.platforms.hostile import answer
from tests.publishing import UPLOAD

BIG = 70_000_000


@pytest.fixture
def account(desk):
    desk.starts()
    return desk.tenants.account(desk.tenants.an_account())


def uploads_of(desk, account, count, size=1000):
    """So many posts whose bytes are to be sent next."""
    media = desk.a_file(account.user_id, b"x" * size)
    wish = {"source": "FILE_UPLOAD", "title": "A film", "media_id": media}
    made = [desk.request(account.user_id, wish, can_wait=True).post.id for _ in range(count)]
    run(posts.WORK, desk.database, desk.world)
    assert {desk.post(post_id).state for post_id in made} == {State.SENDING}
    return made


def taken(desk):
    """What another worker would have to do."""
    desk.due()
    (hand,) = claim(posts.UPLOADS, desk.database, limit=1, lapsed=False, only=None)
    return hand


def stored(size, end):
    return answer(201 if end == size else 206, b"", Content_Range=f"bytes 0-{end - 1}/{size}")


def test_workers_hold_a_few_uploads_of_one_account_and_the_next_one_waits(desk, account):
    made = uploads_of(desk, account, AT_ONCE + 1)
    hands = [taken(desk) for _ in made]

    assert [isinstance(hand.job, Later) for hand in hands] == [False] * AT_ONCE + [True]
    assert {hand.id for hand in hands} == set(made)


def test_an_upload_that_waits_for_its_turn_loses_nothing_and_goes_next(desk, account):
    made = uploads_of(desk, account, AT_ONCE + 1)
    desk.says(UPLOAD, stored(1000, 1000))
    for _ in range(AT_ONCE):
        taken(desk)
    run(posts.UPLOADS, desk.database, desk.world)
    (waiting,) = [one for one in made if desk.post(one).leased_until is None]
    post = desk.post(waiting)
    assert (post.state, post.attempts, post.last_error) == (
        State.SENDING,
        0,
        "other uploads of the account are under way",
    )

    desk.change_where(
        [Post.oauth_account_id == account.id], leased_until=func.now() - timedelta(hours=1)
    )
    desk.change(waiting, leased_until=None, due_at=func.now())
    run(posts.UPLOADS, desk.database, desk.world, only=waiting)

    assert desk.post(waiting).state == State.PROCESSING


def test_other_accounts_do_not_wait_for_them(desk, account):
    uploads_of(desk, account, AT_ONCE)
    for _ in range(AT_ONCE):
        taken(desk)
    other = desk.tenants.account(desk.tenants.an_account())
    (theirs,) = uploads_of(desk, other, 1)

    hand = taken(desk)

    assert (hand.id, isinstance(hand.job, Later)) == (theirs, False)


def test_each_worker_holds_one_upload_and_one_chunk_of_it(desk, account):
    uploads_of(desk, account, 2)
    assert (posts.UPLOADS.batch, posts.UPLOADS.pool) == (1, 1)
    assert len(claim(posts.UPLOADS, desk.database, limit=1, lapsed=False, only=None)) == 1
    assert plan(4_000_000_000).chunk_size <= 64_000_000


@pytest.mark.parametrize("change", ["rewritten", "longer"])
def test_a_file_that_changes_between_two_claims_ends_its_post(desk, account, change, monkeypatch):
    monkeypatch.setattr(send, "STINT", 0.0)
    (post_id,) = uploads_of(desk, account, 1, BIG)
    desk.says(UPLOAD, stored(BIG, 10_000_000))
    run(posts.UPLOADS, desk.database, desk.world)
    assert desk.post(post_id).bytes_sent == 10_000_000

    file = desk.world.media.file(desk.media(desk.post(post_id).media_id).path)
    if change == "longer":
        with file.open("ab") as end:
            end.write(b"more")
    os.utime(file, ns=(1, 1))
    run(posts.UPLOADS, desk.database, desk.world)

    post = desk.post(post_id)
    assert (post.state, post.error_code) == (State.FAILED, "source_changed")
    assert len(desk.calls(UPLOAD)) == 1


def test_a_large_film_costs_the_memory_of_a_chunk(desk, account, monkeypatch):
    """One, since the server that plays the platform here keeps what it was sent."""
    monkeypatch.setattr(send, "STINT", 0.0)
    uploads_of(desk, account, 1, BIG)
    desk.says(UPLOAD, stored(BIG, 10_000_000))
    hand = taken(desk)

    tracemalloc.start()
    sent = perform(posts.UPLOADS, hand, desk.world)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sent.value.sent.offset == 10_000_000
    assert peak < 15_000_000
