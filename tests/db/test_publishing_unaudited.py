"""Limits before TikTok's audit: only SELF_ONLY posts, and only five accounts a day."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.errors import OperationFailed, RateLimitExceeded
from core.post_state.settle import PostState
from core.post_state.step_state import SLOT_LIMIT, UNAUDITED
from core.publishing import get_posting_choices, get_remaining_quota
from core.publishing.commands import retry_post
from core.publishing.quota import reserve_slot
from db.posts.posts import Post
from db.publishing.quota_slots import QuotaSlots
from db.records.tiktok_posts import TikTokPost
from db.session import Database
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import (
    CREATOR_PATH,
    DIRECT_INIT_PATH,
    FILE_REQUEST,
    STATUS_PATH,
    status_body,
)

PRIVATE_ACCOUNT_LEVELS = ["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
PRIVATE_DIRECT_POST = {"mode": "DIRECT", "privacy_level": "SELF_ONLY"}


@pytest.fixture
def publisher(publisher):
    publisher.disable_audit()
    publisher.accept_starts()
    publisher.set_responses(CREATOR_PATH, ok_response(privacy_level_options=PRIVATE_ACCOUNT_LEVELS))
    return publisher


@pytest.fixture
def accounts(publisher):
    """Six accounts: one more than may post."""
    return [create_account(publisher) for _ in range(6)]


def create_account(publisher):
    return publisher.factory.account(
        publisher.factory.create_account(scope="video.upload,video.publish")
    )


def request_posts(publisher, accounts, **more):
    return [
        publisher.request_upload(account.user_id, **PRIVATE_DIRECT_POST, **more).post.id
        for account in accounts
    ]


@pytest.mark.parametrize("level", ["PUBLIC_TO_EVERYONE", "FOLLOWER_OF_CREATOR"])
def test_no_audience_but_the_creator_is_accepted_and_the_response_says_why(
    publisher, accounts, level
):
    with pytest.raises(OperationFailed) as refused:
        publisher.request_upload(accounts[0].user_id, mode="DIRECT", privacy_level=level)

    assert refused.value.code == "unaudited_client_can_only_post_to_private_accounts"
    assert refused.value.details == {
        "privacy_level_options": ["SELF_ONLY"],
        "account_must_be_private": True,
    }
    assert (publisher.count(), publisher.request_bodies(DIRECT_INIT_PATH)) == (0, [])


def test_the_audience_of_a_draft_is_not_limited(publisher, accounts):
    result = publisher.request_upload(accounts[0].user_id, privacy_level="PUBLIC_TO_EVERYONE")

    assert result.post.state == PostState.PROCESSING


@pytest.mark.parametrize(
    ("options", "private"), [(PRIVATE_ACCOUNT_LEVELS, True), (["PUBLIC_TO_EVERYONE"], False)]
)
def test_creator_info_offers_no_other_audience_and_reports_a_private_account(
    publisher, accounts, options, private
):
    publisher.set_responses(
        CREATOR_PATH, ok_response(privacy_level_options=[*options, "SELF_ONLY"])
    )

    creator = get_posting_choices(
        publisher.database, publisher.services, "tiktok", user_id=accounts[0].user_id
    )

    assert set(creator.privacy_levels) == {"SELF_ONLY"}
    assert (creator.is_app_audited, creator.is_private) == (False, private)


def test_a_post_requested_for_everyone_is_not_retried_when_the_audit_is_lost(publisher, accounts):
    old = publisher.factory.create_post(
        accounts[0].id,
        kind="DIRECT_VIDEO",
        source="PULL_FROM_URL",
        sent_by="PLATFORM",
        state="FAILED",
        payload_json={"settings": {"privacy_level": "PUBLIC_TO_EVERYONE"}},
    )

    with pytest.raises(OperationFailed) as refused:
        retry_post(publisher.database, publisher.services, old, user_id=accounts[0].user_id)

    assert refused.value.code == "unaudited_client_can_only_post_to_private_accounts"


def test_a_queued_public_post_is_refused_before_creator_info_is_fetched(publisher, accounts):
    post_id = publisher.factory.create_post(
        accounts[0].id,
        kind="DIRECT_VIDEO",
        source="PULL_FROM_URL",
        sent_by="PLATFORM",
        has_slot=True,
        payload_json={"settings": {"privacy_level": "PUBLIC_TO_EVERYONE"}},
    )

    publisher.run_workers()

    assert (
        publisher.post(post_id).error_code == "unaudited_client_can_only_post_to_private_accounts"
    )
    assert (publisher.request_bodies(CREATOR_PATH), publisher.request_bodies(DIRECT_INIT_PATH)) == (
        [],
        [],
    )


def test_the_sixth_account_of_a_day_waits_and_the_others_continue(publisher, accounts):
    request_posts(publisher, accounts[:5])

    again = publisher.request_upload(accounts[0].user_id, **PRIVATE_DIRECT_POST).post
    sixth = publisher.request_upload(accounts[5].user_id, **PRIVATE_DIRECT_POST).post
    publisher.run_workers()

    assert (again.state, sixth.state) == (PostState.PROCESSING, PostState.QUEUED)
    waiting = publisher.post(sixth.id)
    assert (waiting.state, waiting.has_slot, waiting.attempts) == (PostState.QUEUED, False, 0)
    assert waiting.due_at > publisher.services.now()
    assert len(publisher.request_bodies(DIRECT_INIT_PATH)) == 6


def test_a_caller_who_sends_the_bytes_gets_a_retry_time(publisher, accounts):
    request_posts(publisher, accounts[:5])

    with pytest.raises(RateLimitExceeded) as refused:
        publisher.request_upload(accounts[5].user_id, FILE_REQUEST, **PRIVATE_DIRECT_POST)

    assert refused.value.code == "reached_active_user_cap"
    assert timedelta(hours=23) < refused.value.retry_after <= timedelta(hours=24)
    users = refused.value.details["users"]
    assert (users["used"], users["limit"], users["remaining"]) == (5, 5, 0)
    assert users["resets_at"] is not None
    assert publisher.count(Post.oauth_account_id == accounts[5].id) == 0


def test_a_slot_is_free_again_after_a_day(publisher, accounts):
    first, *_ = request_posts(publisher, accounts[:5])
    sixth = publisher.request_upload(accounts[5].user_id, **PRIVATE_DIRECT_POST).post.id
    with publisher.database.transaction() as session:
        old = func.now() - timedelta(hours=25)
        is_first = TikTokPost.post_id == first
        session.execute(update(TikTokPost).where(is_first).values(created_at=old))

    publisher.set_responses(STATUS_PATH, status_body())
    publisher.run_workers(2)

    assert publisher.post(sixth).state == PostState.PROCESSING


def test_a_post_that_waited_for_a_day_fails_with_the_code_of_the_limit(publisher, accounts):
    request_posts(publisher, accounts[:5])
    sixth = publisher.request_upload(accounts[5].user_id, **PRIVATE_DIRECT_POST).post.id
    publisher.update_post(sixth, created_at=func.now() - timedelta(hours=25))

    publisher.run_workers()

    assert publisher.post(sixth).error_code == "reached_active_user_cap"


def test_drafts_do_not_count(publisher, accounts):
    for account in accounts:
        assert publisher.request_upload(account.user_id).post.state == PostState.PROCESSING


def test_the_quota_reports_how_many_have_posted(publisher, accounts):
    request_posts(publisher, accounts[:2])

    quota = get_remaining_quota(
        publisher.database, publisher.services, "tiktok", user_id=accounts[0].user_id
    )

    accounts_quota = quota.quotas["users"]
    assert (accounts_quota.used, accounts_quota.limit, accounts_quota.remaining) == (2, 5, 3)


def reserve_concurrently(database_url, publisher):
    """Twelve accounts reserve a slot at the same moment; return how many got one."""
    post_ids = [create_waiting_post(publisher) for _ in range(12)]
    barrier = threading.Barrier(12)
    database = Database(database_url, pool_size=12)

    def reserve(post_id):
        with suppress(RateLimitExceeded), database.transaction() as session:
            post = session.get_one(Post, post_id)
            barrier.wait(60)
            reserve_slot(session, post)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(reserve, post_ids))
    database.dispose()
    return publisher.count(Post.has_slot)


def create_waiting_post(publisher):
    return publisher.factory.create_post(
        create_account(publisher).id,
        kind="DIRECT_VIDEO",
        step_state={SLOT_LIMIT: 15, UNAUDITED: True},
    )


def test_concurrent_accounts_never_exceed_the_daily_limit(publisher, database_url):
    assert reserve_concurrently(database_url, publisher) == 5


def test_control_without_the_lock_they_exceed_it(publisher, database_url, monkeypatch):
    monkeypatch.setattr(QuotaSlots, "lock_all_accounts", lambda *_, **__: True)

    assert reserve_concurrently(database_url, publisher) > 5


def test_at_the_platforms_own_cap_posts_that_we_can_send_later_wait(publisher, accounts):
    publisher.set_responses(CREATOR_PATH, error_response(200, "reached_active_user_cap"))

    result = publisher.request_upload(accounts[0].user_id, **PRIVATE_DIRECT_POST)
    publisher.run_workers()

    post = publisher.post(result.post.id)
    assert (result.post.state, post.state, post.hold_reason) == (
        PostState.QUEUED,
        PostState.QUEUED,
        None,
    )
    assert post.due_at - publisher.services.now() > timedelta(minutes=30)
    assert publisher.factory.account(accounts[0].id).status == "ACTIVE"
    assert publisher.request_bodies(DIRECT_INIT_PATH) == []
