"""Slots of an account: counted under a lock, held by posts, freed by their ends."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.errors import QuotaExceeded
from core.posts.quota import quota, reserve
from db.posts import Post
from db.records import TikTokPost
from db.session import StoreAway
from tests.publishing import STATUS, status

DAY = timedelta(hours=24)


@pytest.fixture
def account(desk):
    desk.starts()
    return desk.tenants.account(desk.tenants.an_account(scope="video.upload,video.publish"))


def used(desk, account, mode="INBOX"):
    with desk.database.transaction() as session:
        return quota(session, account.id, mode, limit=5)


def ask(desk, account, told, **more):
    while True:
        with suppress(StoreAway):  # a crowd larger than the pool is told to come again
            try:
                told.append(desk.request(account.user_id, **more).post.id)
            except QuotaExceeded:
                told.append(None)
            return


@pytest.mark.parametrize(
    ("mode", "limit", "more"), [("INBOX", 5, {}), ("DIRECT", 15, {"privacy_level": "SELF_ONLY"})]
)
def test_fifty_at_once_never_overshoot(desk, account, mode, limit, more):
    media = desk.a_file(account.user_id)
    said = {"source": "FILE_UPLOAD", "title": "A", "media_id": media, "mode": mode, **more}
    told = []
    crowd = [
        threading.Thread(target=ask, args=[desk, account, told], kwargs={"said": said})
        for _ in range(50)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join(110)

    assert len(told) == 50
    assert len([post for post in told if post]) == limit
    assert desk.count(Post.has_slot) == limit


def test_each_account_has_its_own_quota(desk, account):
    for _ in range(5):
        desk.request(account.user_id, can_wait=True)
    other = desk.tenants.account(desk.tenants.an_account())

    assert desk.request(other.user_id).quota.used == 1


def test_drafts_and_direct_posts_are_counted_apart(desk, account):
    desk.request(account.user_id, can_wait=True)

    assert used(desk, account).used == 1
    assert used(desk, account, "DIRECT").used == 0


def test_a_draft_counts_until_its_creator_has_posted_it(desk, account):
    desk.request(account.user_id)
    desk.says(STATUS, status("SEND_TO_USER_INBOX"))
    desk.works(1)
    assert used(desk, account).used == 1

    desk.says(STATUS, status("PUBLISH_COMPLETE"))
    desk.works(1)

    assert used(desk, account).used == 0


def test_a_failure_frees_its_slot(desk, account):
    desk.request(account.user_id)
    desk.says(STATUS, status("FAILED", fail_reason="internal"))

    desk.works(1)

    assert used(desk, account).used == 0


def test_a_draft_stops_counting_after_a_day_and_a_reservation_does_not(desk, account):
    told = desk.request(account.user_id)
    waiting = desk.request(account.user_id, can_wait=True)
    with desk.database.transaction() as session:
        old = func.now() - DAY - timedelta(minutes=1)
        session.execute(update(TikTokPost).values(created_at=old))
        session.execute(update(Post).values(created_at=old))

    found = used(desk, account)

    assert found.used == 1
    assert desk.post(waiting.post.id).has_slot
    assert desk.record(told.post.id).status == "PROCESSING_DOWNLOAD"


def test_figures_say_when_the_first_slot_is_free(desk, account):
    assert used(desk, account).figures() == {
        "used": 0,
        "limit": 5,
        "remaining": 5,
        "resets_at": None,
    }
    desk.request(account.user_id)
    found = used(desk, account)
    assert found.resets_at - desk.world.now() <= DAY
    assert found.remaining == 4


def test_a_post_does_not_stand_in_its_own_way(desk, account):
    told = desk.request(account.user_id, can_wait=True)
    with desk.database.transaction() as session:
        post = session.get_one(Post, told.post.id)
        reserve(session, post, limit=1)
        assert post.has_slot
