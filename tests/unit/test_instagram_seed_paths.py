"""`/api/instagram/publish` as a translation: bodies to post requests, answers to its fields."""

import pytest
from pydantic import ValidationError

from platforms.instagram.seed_paths import (
    PUBLISH_PATH,
    SEED_PATHS,
    InstagramPublishBody,
    post_fields,
)

JPEG, CLIP = "https://cdn.example/a.jpg", "https://cdn.example/a.mp4"
EVENTS = [{"id": 1, "at": "2026-11-22T12:00:00Z", "kind": "state", "from": None, "to": "QUEUED"}]
COMMON = {
    "id": 5,
    "platform": "instagram",
    "type": "REELS",
    "statusUrl": "/api/instagram/publish/5",
    "steps": [{"name": "state", "state": "QUEUED", "at": "2026-11-22T12:00:00Z"}],
}


def translate(**body):
    return SEED_PATHS.to_post_request(InstagramPublishBody.model_validate(body))


def test_an_image():
    request = translate(
        mediaType="IMAGE",
        mediaUrl=JPEG,
        caption="Hi",
        altText="red",
        userTags=[{"username": "ada", "x": 0, "y": 1}],
        locationId="12",
        collaborators=["grace"],
        accountId=3,
        publishAt="2026-11-23T09:00:00Z",
    )
    assert request == {
        "platform": "instagram",
        "destination_id": 3,
        "kind": "IMAGE",
        "text": "Hi",
        "media": [
            {
                "url": JPEG,
                "role": "image",
                "alt_text": "red",
                "user_tags": [{"username": "ada", "x": 0, "y": 1}],
            }
        ],
        "publish_at": "2026-11-23T09:00:00Z",
        "options": {"location_id": "12", "collaborators": ["grace"]},
    }


@pytest.mark.parametrize("word", ["VIDEO", "REELS"])
def test_a_video_is_a_reel(word):
    request = translate(mediaType=word, mediaId=9, coverUrl=JPEG, thumbOffset=0, shareToFeed=False)
    assert request["kind"] == "REELS"
    assert request["media"] == [
        {"media_id": 9, "role": "video"},
        {"url": JPEG, "role": "cover"},
    ]
    assert request["options"] == {"thumb_offset": 0, "share_to_feed": False}


def test_a_story():
    request = translate(mediaType="STORIES", mediaUrl="https://x.example/1", storyMediaType="VIDEO")
    assert request["media"] == [
        {"url": "https://x.example/1", "role": "item", "media_type": "VIDEO"}
    ]
    assert request["text"] == ""


def test_a_carousel():
    request = translate(
        mediaType="CAROUSEL",
        children=[
            {"mediaType": "IMAGE", "mediaUrl": JPEG, "altText": "one"},
            {"mediaType": "VIDEO", "mediaId": 4},
        ],
    )
    assert request["media"] == [
        {"url": JPEG, "role": "item", "alt_text": "one", "media_type": "IMAGE"},
        {"media_id": 4, "role": "item", "media_type": "VIDEO"},
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mediaType": "IMAGE"},
        {"mediaType": "IMAGE", "mediaUrl": JPEG, "mediaId": 1},
        {"mediaType": "IMAGE", "mediaUrl": JPEG, "children": []},
        {"mediaType": "ALBUM", "mediaUrl": JPEG},
        {"mediaType": "CAROUSEL"},
        {"mediaType": "CAROUSEL", "children": [{"mediaType": "IMAGE", "mediaUrl": JPEG}]},
        {"mediaType": "CAROUSEL", "children": [{"mediaType": "REELS", "mediaUrl": CLIP}] * 2},
        {"mediaType": "CAROUSEL", "children": [{"mediaType": "IMAGE"}] * 2},
        {"mediaType": "CAROUSEL", "children": [{"mediaType": "IMAGE", "mediaUrl": JPEG}] * 11},
        {"mediaType": "IMAGE", "mediaUrl": JPEG, "title": "x"},
        {"mediaType": "IMAGE", "mediaId": 0},
    ],
)
def test_bodies_that_are_refused(body):
    with pytest.raises(ValidationError):
        InstagramPublishBody.model_validate(body)


def answer(state, **fields):
    return {"id": 5, "kind": "REELS", "state": state, "events": EVENTS, **fields}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("QUEUED", "queued"),
        ("SENDING", "processing"),
        ("PROCESSING", "processing"),
        ("CANCELLED", "cancelled"),
    ],
)
def test_the_answer_about_a_post_that_is_not_public(state, status):
    assert post_fields(answer(state)) == {**COMMON, "status": status}


def test_the_answer_about_a_published_post():
    published = answer(
        "PUBLISHED",
        platform_post_id="179",
        permalink="https://www.instagram.com/reel/x/",
        text="Hi",
        posted_at="2026-11-22T12:01:00Z",
        user_id=1,
        destination_id=3,
        destination_external_id="1784",
    )
    assert post_fields(published) == {
        **COMMON,
        "status": "published",
        "postId": "179",
        "url": "https://www.instagram.com/reel/x/",
        "permalink": "https://www.instagram.com/reel/x/",
        "timestamp": "2026-11-22T12:01:00Z",
        "caption": "Hi",
        "metadata": {"userId": 1, "accountId": 3, "igBusinessId": "1784"},
    }


def test_the_answer_about_a_failed_carousel_names_the_item():
    error = {"code": "image_ratio_unsupported"}
    response = post_fields(answer("FAILED", error=error, failed_position=2))
    assert response == {**COMMON, "status": "failed", "error": error, "item": 2}
    assert "item" not in post_fields(answer("FAILED", error=error))


def test_the_answer_about_a_doubtful_post_says_what_is_checked():
    response = post_fields(answer("UNCONFIRMED"))
    assert response["status"] == "unconfirmed"
    assert "checked" in response["checking"]


def test_the_routes_ask_for_a_post_and_show_it():
    assert SEED_PATHS.body is InstagramPublishBody
    assert [route.path for route in SEED_PATHS.routes] == [
        PUBLISH_PATH,
        f"{PUBLISH_PATH}/<int:post_id>",
    ]
    answer_with_meta = {**answer("QUEUED"), "meta": {"requestId": "r"}}
    response = SEED_PATHS.routes[0].to_response(answer_with_meta)
    assert response == {"data": {**COMMON, "status": "queued"}, "meta": {"requestId": "r"}}
