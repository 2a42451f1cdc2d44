"""Quota slots of an account: counted under a lock, held by posts, freed by their final states."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.errors import QuotaExceeded
from core.publishing.quota import load_quota, reserve_quota_slot
from core.publishing.remaining_quota import count_quotas
from core.publishing.targets import QuotaAccount
from db.posts.posts import Post
from db.records.tiktok_posts import TikTokPost
from db.session import DatabaseUnavailable
from platforms.tiktok.platform import QUOTAS
from platforms.tiktok.seed_paths import QUOTA_BY_MODE
from tests.support.publishing_harness import STATUS_PATH, status_body

DAY = timedelta(hours=24)


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(
        publisher.factory.create_account(scope="video.upload,video.publish")
    )


def quota_usage(publisher, account, mode="INBOX"):
    """Count as a post is checked, and as pages show it."""
    rule = QUOTAS[QUOTA_BY_MODE[mode]]
    displayed = QuotaAccount("tiktok", account.id)
    with publisher.database.transaction() as session:
        quota = load_quota(session, account.id, rule, provider="tiktok", limit=5)
        quotas = count_quotas(session, {displayed: {rule.name: 5}})
    assert quotas == {displayed: {rule.name: quota}}
    return quota


def request_until_answered(publisher, account, results, **more):
    while True:
        with suppress(DatabaseUnavailable):  # more threads than connections: try again
            try:
                results.append(publisher.request_upload(account.user_id, **more).post.id)
            except QuotaExceeded:
                results.append(None)
            return


@pytest.mark.parametrize(
    ("mode", "limit", "more"), [("INBOX", 5, {}), ("DIRECT", 15, {"privacy_level": "SELF_ONLY"})]
)
def test_fifty_concurrent_requests_never_exceed_the_quota(publisher, account, mode, limit, more):
    media = publisher.create_media(account.user_id)
    fields = {"source": "FILE_UPLOAD", "title": "A", "media_id": media, "mode": mode, **more}
    results = []
    threads = [
        threading.Thread(
            target=request_until_answered,
            args=[publisher, account, results],
            kwargs={"fields": fields},
        )
        for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(110)

    assert len(results) == 50
    assert len([post_id for post_id in results if post_id]) == limit
    assert publisher.count(Post.has_slot) == limit


def test_each_account_has_its_own_quota(publisher, account):
    for _ in range(5):
        publisher.request_upload(account.user_id, may_queue=True)
    other = publisher.factory.account(publisher.factory.create_account())

    assert publisher.request_upload(other.user_id).quotas["drafts"].used == 1


def test_drafts_and_direct_posts_are_counted_apart(publisher, account):
    publisher.request_upload(account.user_id, may_queue=True)

    assert quota_usage(publisher, account).used == 1
    assert quota_usage(publisher, account, "DIRECT").used == 0


def test_a_draft_counts_until_its_creator_has_posted_it(publisher, account):
    publisher.request_upload(account.user_id)
    publisher.set_responses(STATUS_PATH, status_body("SEND_TO_USER_INBOX"))
    publisher.run_workers(1)
    assert quota_usage(publisher, account).used == 1

    publisher.set_responses(STATUS_PATH, status_body("PUBLISH_COMPLETE"))
    publisher.run_workers(1)

    assert quota_usage(publisher, account).used == 0


def test_a_failure_frees_its_slot(publisher, account):
    publisher.request_upload(account.user_id)
    publisher.set_responses(STATUS_PATH, status_body("FAILED", fail_reason="internal"))

    publisher.run_workers(1)

    assert quota_usage(publisher, account).used == 0


def test_a_draft_stops_counting_after_a_day_and_a_reservation_does_not(publisher, account):
    result = publisher.request_upload(account.user_id)
    waiting = publisher.request_upload(account.user_id, may_queue=True)
    with publisher.database.transaction() as session:
        old = func.now() - DAY - timedelta(minutes=1)
        session.execute(update(TikTokPost).values(created_at=old))
        session.execute(update(Post).values(created_at=old))

    quota = quota_usage(publisher, account)

    assert quota.used == 1
    assert publisher.post(waiting.post.id).has_slot
    assert publisher.tiktok_post(result.post.id).status == "PROCESSING_DOWNLOAD"


def test_a_quota_reports_when_the_next_slot_is_free(publisher, account):
    assert quota_usage(publisher, account).as_dict() == {
        "used": 0,
        "limit": 5,
        "remaining": 5,
        "resets_at": None,
    }
    publisher.request_upload(account.user_id)
    quota = quota_usage(publisher, account)
    assert quota.resets_at - publisher.services.now() <= DAY
    assert quota.remaining == 4


def test_a_post_does_not_count_against_itself(publisher, account):
    result = publisher.request_upload(account.user_id, may_queue=True)
    with publisher.database.transaction() as session:
        post = session.get_one(Post, result.post.id)
        reserve_quota_slot(session, post, QUOTAS["drafts"], limit=1)
        assert post.has_slot
