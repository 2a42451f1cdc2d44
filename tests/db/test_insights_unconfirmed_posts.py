"""Posts with an unconfirmed start or without a video id, resolved by listing and polling."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.post_state.settle import PostState
from core.publishing.recheck import recheck_posts_without_video_id
from db.records.tiktok_posts import TikTokPost
from platforms.base import Phase
from tests.platforms.tiktok_responses import ok_response
from tests.support.insights_harness import INSIGHTS_SCOPES, InsightsHarness
from tests.support.publishing_harness import (
    CREATOR_PATH,
    DIRECT_INIT_PATH,
    STATUS_PATH,
    URL_REQUEST,
    status_body,
)

HOURS, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FIVE_SECONDS_AGO = timedelta(seconds=-5)  # after the start
PUBLIC_DIRECT_POST = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}
CREATOR_INFO = {
    "creator_username": "ada",
    "creator_nickname": "Ada",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"],
    "comment_disabled": False,
    "duet_disabled": False,
    "stitch_disabled": False,
    "max_video_post_duration_sec": 300,
}


@pytest.fixture
def sampler(publisher):
    sampler = InsightsHarness(publisher)
    publisher.set_responses(CREATOR_PATH, ok_response(**CREATOR_INFO))
    publisher.drop_responses(DIRECT_INIT_PATH)
    return sampler


@pytest.fixture
def account_id(sampler):
    account = sampler.create_account(scope=f"{INSIGHTS_SCOPES},video.publish,video.upload")
    sampler.enrol_accounts()
    sampler.run_workers(4)
    return account


def create_unconfirmed_post(sampler, account_id, title="A video", **more):
    """Create a direct pull whose start was sent and never answered."""
    user_id = sampler.factory.account(account_id).user_id
    upload_request = {
        **URL_REQUEST,
        **PUBLIC_DIRECT_POST,
        "title": title,
        "account_id": account_id,
        **more,
    }
    post = sampler.publisher.request_upload(user_id, upload_request).post.id
    sampler.publisher.run_workers(1)
    assert sampler.publisher.post(post).state == PostState.UNCONFIRMED
    return post


def sample_and_poll(sampler):
    """Sample the list of public videos, then poll the posts."""
    sampler.run_workers(4)
    sampler.publisher.run_workers(1)


def test_an_unconfirmed_start_is_found_in_the_list_of_public_videos(sampler, account_id):
    post = create_unconfirmed_post(sampler, account_id)
    video = sampler.add_video(
        7_602_997_517_160_123_666, ago=FIVE_SECONDS_AGO, title="A  video", share_url="https://t/7"
    )
    sample_and_poll(sampler)
    row = sampler.publisher.post(post)
    assert (row.state, row.platform_post_id) == (PostState.PUBLISHED, video)
    assert (row.permalink, row.publish_id, row.due_at) == ("https://t/7", None, None)
    assert row.finished_at is not None
    assert [event.kind for event in sampler.publisher.events(post)].count("found") == 1
    assert len(sampler.publisher.request_bodies(DIRECT_INIT_PATH)) == 1


def test_an_unconfirmed_post_brings_the_next_listing_forward(sampler, account_id):
    assert sampler.time_until_due(account_id) > 10 * MINUTE
    create_unconfirmed_post(sampler, account_id)
    assert sampler.time_until_due(account_id) <= timedelta(0)


@pytest.mark.parametrize(
    "video_fields",
    [
        {"title": "Another video"},
        {"title": ""},
        {"ago": HOURS},  # published before the start
        {"ago": -25 * HOURS},
    ],
)
def test_a_video_that_does_not_fit_is_not_matched(sampler, account_id, video_fields):
    post = create_unconfirmed_post(sampler, account_id)
    sampler.add_video(7, **{"ago": FIVE_SECONDS_AGO, "title": "A video", **video_fields})
    sample_and_poll(sampler)
    assert sampler.publisher.post(post).state == PostState.UNCONFIRMED


def test_two_videos_that_fit_are_not_matched(sampler, account_id):
    post = create_unconfirmed_post(sampler, account_id)
    for number in (7, 8):
        sampler.add_video(number, ago=FIVE_SECONDS_AGO, title="A video")
    sample_and_poll(sampler)
    assert sampler.publisher.post(post).state == PostState.UNCONFIRMED


def test_two_unconfirmed_starts_with_the_same_title_are_not_matched(sampler, account_id):
    posts = [create_unconfirmed_post(sampler, account_id) for _ in range(2)]
    sampler.add_video(7, ago=FIVE_SECONDS_AGO, title="A video")
    sample_and_poll(sampler)
    assert {sampler.publisher.post(post).state for post in posts} == {PostState.UNCONFIRMED}


def test_two_unconfirmed_starts_with_different_titles_are_both_matched(sampler, account_id):
    first = create_unconfirmed_post(sampler, account_id)
    second = create_unconfirmed_post(sampler, account_id, title="Another video")
    sampler.add_video(7, ago=FIVE_SECONDS_AGO, title="A video")
    sampler.add_video(8, ago=FIVE_SECONDS_AGO, title="Another video")
    sample_and_poll(sampler)
    assert [sampler.publisher.post(post).platform_post_id for post in (first, second)] == ["7", "8"]


def test_a_video_that_fits_another_post_as_well_is_not_matched(sampler, account_id):
    sampler.publisher.accept_starts()
    user = sampler.factory.account(account_id).user_id
    upload_request = {
        **URL_REQUEST,
        **PUBLIC_DIRECT_POST,
        "title": "A video",
        "account_id": account_id,
    }
    sent = sampler.publisher.request_upload(user, upload_request).post.id
    sampler.publisher.set_responses(STATUS_PATH, status_body("PROCESSING_DOWNLOAD"))
    sampler.publisher.drop_responses(DIRECT_INIT_PATH)
    post = create_unconfirmed_post(sampler, account_id)
    sampler.add_video(7, ago=FIVE_SECONDS_AGO, title="A video")
    sample_and_poll(sampler)
    assert sampler.publisher.post(post).state == PostState.UNCONFIRMED
    sampler.publisher.set_responses(
        STATUS_PATH, status_body("PUBLISH_COMPLETE", publicaly_available_post_id=[7])
    )
    sampler.publisher.run_workers(2)
    assert sampler.publisher.post(sent).platform_post_id == "7"
    # The only video belongs to the other post.
    assert sampler.publisher.post(post).state == PostState.UNCONFIRMED
    sampler.add_video(8, ago=FIVE_SECONDS_AGO, title="A video")
    sampler.make_due(account_id)
    sample_and_poll(sampler)
    assert sampler.publisher.post(post).platform_post_id == "8"


@pytest.mark.parametrize("more", [{"privacy_level": "SELF_ONLY"}, {"mode": "INBOX"}])
def test_posts_that_are_not_public_under_our_caption_are_not_matched(sampler, account_id, more):
    sampler.publisher.drop_responses("/v2/post/publish/inbox/video/init/")
    upload_request = {**PUBLIC_DIRECT_POST, **more}
    if more.get("mode") == "INBOX":
        upload_request.pop("privacy_level")
    user = sampler.factory.account(account_id).user_id
    post = sampler.publisher.request_upload(
        user, {**URL_REQUEST, **upload_request, "account_id": account_id}
    ).post.id
    sampler.publisher.run_workers(1)
    sampler.add_video(7, ago=FIVE_SECONDS_AGO, title="A video")
    sample_and_poll(sampler)
    assert sampler.publisher.post(post).state == PostState.UNCONFIRMED


def create_published_post(sampler, account_id, **columns):
    """Create a published post whose video id is unknown."""
    sampler.publisher.accept_starts()
    user_id = sampler.factory.account(account_id).user_id
    upload_request = {**URL_REQUEST, **PUBLIC_DIRECT_POST, "account_id": account_id}
    post = sampler.publisher.request_upload(user_id, upload_request).post.id
    sampler.publisher.apply_webhook_update(post, Phase.PUBLISHED, "PUBLISH_COMPLETE")
    defaults = {"completed_at": func.now() - HOURS / 2, "last_polled_at": func.now() - 10 * MINUTE}
    with sampler.database.transaction() as session:
        of_post = TikTokPost.post_id == post
        session.execute(update(TikTokPost).where(of_post).values(**{**defaults, **columns}))
    return post


def test_a_published_post_without_a_video_id_is_polled_again(sampler, account_id):
    post = create_published_post(sampler, account_id)
    sampler.publisher.set_responses(
        STATUS_PATH, status_body("PUBLISH_COMPLETE", publicaly_available_post_id=[2**62])
    )
    assert recheck_posts_without_video_id(sampler.database) == 1
    sampler.publisher.run_workers(1)
    row = sampler.publisher.post(post)
    assert (row.platform_post_id, row.state, row.due_at) == (str(2**62), "PUBLISHED", None)
    assert sampler.publisher.tiktok_post(post).details["publicaly_available_post_id"] == [
        str(2**62)
    ]
    assert recheck_posts_without_video_id(sampler.database) == 0


@pytest.mark.parametrize(
    "columns",
    [
        {"last_polled_at": func.now() - MINUTE},
        {"completed_at": func.now() - 2 * HOURS, "last_polled_at": func.now() - 10 * MINUTE},
        {"completed_at": func.now() - 200 * HOURS},
        {"details": {"privacy_level": "SELF_ONLY"}},
        {"details": {"publicaly_available_post_id": ["7"]}},
    ],
)
def test_posts_are_not_polled_too_often_for_too_long_or_without_need(sampler, account_id, columns):
    create_published_post(sampler, account_id, **columns)
    assert recheck_posts_without_video_id(sampler.database) == 0


def test_posts_of_an_inactive_account_are_not_polled(sampler, account_id):
    create_published_post(sampler, account_id)
    sampler.factory.update_account(account_id, status="NEEDS_RECONNECT")
    assert recheck_posts_without_video_id(sampler.database) == 0
