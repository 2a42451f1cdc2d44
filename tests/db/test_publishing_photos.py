"""Photo posts: the platform fetches the photos by URL, for drafts and for direct posts."""

import json

import pytest

from core.post_state.settle import PostState
from tests.platforms.tiktok_responses import ok_response
from tests.support.publishing_harness import CONTENT_INIT_PATH, CREATOR_PATH


@pytest.fixture
def account(publisher):
    return publisher.factory.account(publisher.factory.create_account())


PHOTO_REQUEST = {
    "source": "PULL_FROM_URL",
    "title": "Two pictures",
    "media_type": "PHOTO",
    "photo_images": ["https://example.com/a.jpg", "https://example.com/b.webp"],
    "photo_cover_index": 1,
    "description": "both",
}


def test_photos_are_fetched_by_the_platform(publisher, account):
    publisher.set_responses(CONTENT_INIT_PATH, ok_response(publish_id="p_inbox_url~v2.1"))

    result = publisher.request_upload(account.user_id, PHOTO_REQUEST)

    sent = json.loads(publisher.request_bodies(CONTENT_INIT_PATH)[0])
    assert (result.post.kind, result.post.state) == ("INBOX_PHOTO", PostState.PROCESSING)
    assert (sent["media_type"], sent["post_mode"]) == ("PHOTO", "MEDIA_UPLOAD")
    assert sent["post_info"] == {"title": "Two pictures", "description": "both"}
    assert sent["source_info"] == {
        "source": "PULL_FROM_URL",
        "photo_images": PHOTO_REQUEST["photo_images"],
        "photo_cover_index": 1,
    }
    assert result.record.details["photo_images"] == PHOTO_REQUEST["photo_images"]


def test_directly_posted_photos_count_as_direct_posts(publisher, account):
    publisher.factory.update_account(account.id, scope="video.publish")
    publisher.set_responses(CREATOR_PATH, ok_response(privacy_level_options=["SELF_ONLY"]))
    publisher.set_responses(CONTENT_INIT_PATH, ok_response(publish_id="p_pub_url~v2.1"))
    direct_fields = {"mode": "DIRECT", "privacy_level": "SELF_ONLY", "is_aigc": True}

    result = publisher.request_upload(account.user_id, {**PHOTO_REQUEST, **direct_fields})

    sent = json.loads(publisher.request_bodies(CONTENT_INIT_PATH)[0])
    assert sent["post_mode"] == "DIRECT_POST"
    assert sent["is_aigc"] is True
    assert sent["post_info"]["privacy_level"] == "SELF_ONLY"
    assert sent["post_info"]["auto_add_music"] is False
    assert result.quotas["direct"].limit == 15
