"""Posts of pictures: told to the platform by address, drafts and direct ones alike."""

import json

import pytest

from core.ledger.settle import State
from tests.platforms.script import ok
from tests.publishing import CONTENT, CREATOR


@pytest.fixture
def account(desk):
    return desk.tenants.account(desk.tenants.an_account())


PHOTOS = {
    "source": "PULL_FROM_URL",
    "title": "Two pictures",
    "media_type": "PHOTO",
    "photo_images": ["https://example.com/a.jpg", "https://example.com/b.webp"],
    "photo_cover_index": 1,
    "description": "both",
}


def test_pictures_are_fetched_by_the_platform(desk, account):
    desk.says(CONTENT, ok(publish_id="p_inbox_url~v2.1"))

    told = desk.request(account.user_id, PHOTOS)

    sent = json.loads(desk.calls(CONTENT)[0])
    assert (told.post.kind, told.post.state) == ("INBOX_PHOTO", State.PROCESSING)
    assert (sent["media_type"], sent["post_mode"]) == ("PHOTO", "MEDIA_UPLOAD")
    assert sent["post_info"] == {"title": "Two pictures", "description": "both"}
    assert sent["source_info"] == {
        "source": "PULL_FROM_URL",
        "photo_images": PHOTOS["photo_images"],
        "photo_cover_index": 1,
    }
    assert told.record.details["photo_images"] == PHOTOS["photo_images"]


def test_pictures_posted_directly_are_one_of_the_creators_posts(desk, account):
    desk.tenants.change(account.id, scope="video.publish")
    desk.says(CREATOR, ok(privacy_level_options=["SELF_ONLY"]))
    desk.says(CONTENT, ok(publish_id="p_pub_url~v2.1"))
    more = {"mode": "DIRECT", "privacy_level": "SELF_ONLY", "is_aigc": True}

    told = desk.request(account.user_id, {**PHOTOS, **more})

    sent = json.loads(desk.calls(CONTENT)[0])
    assert sent["post_mode"] == "DIRECT_POST"
    assert sent["is_aigc"] is True
    assert sent["post_info"]["privacy_level"] == "SELF_ONLY"
    assert sent["post_info"]["auto_add_music"] is False
    assert told.quota.limit == 15
