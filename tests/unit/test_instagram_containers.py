"""The parameters of each kind of container, and what kind of file an item is."""

from datetime import UTC, datetime

import pytest

from platforms.instagram.containers import (
    MediaSource,
    is_video,
    item_params,
    parent_params,
    type_of_url,
)
from platforms.instagram.kinds import KINDS
from platforms.publishing import MediaItem, Publication

NOW = datetime(2026, 11, 22, tzinfo=UTC)
URL = "https://cdn.example/a"
OPTIONS = {
    "location_id": "12",
    "collaborators": ("@grace",),
    "is_ai_generated": True,
    "share_to_feed": True,
    "thumb_offset": 5,
    "audio_name": "Sound",
    "graduation_strategy": "MANUAL",
}
TAG = {"username": "@ada", "x": 0.5, "y": 0.25}
IMAGE = MediaItem(1, "item", url=URL, content_type="image/jpeg", alt_text="red", options={})
VIDEO = MediaItem(1, "item", url=URL, content_type="video/mp4", alt_text="red", options={})


def make_publication(kind, text="Hi", options=None):
    return Publication(
        kind=KINDS[kind],
        text=text,
        destination_id="1784",
        now=NOW,
        created_at=NOW,
        options=OPTIONS if options is None else options,
    )


def build(kind, item, source=None, **options):
    source = source or MediaSource(URL)
    return item_params(make_publication(kind), item, source, **options)


POST_PARAMS = {
    "caption": "Hi",
    "location_id": "12",
    "collaborators": ["grace"],
    "is_ai_generated": True,
}


def test_an_image():
    assert build("IMAGE", IMAGE) == {**POST_PARAMS, "image_url": URL, "alt_text": "red"}


def test_a_reel():
    expected = {
        **POST_PARAMS,
        "media_type": "REELS",
        "video_url": URL,
        "share_to_feed": True,
        "thumb_offset": 5,
        "audio_name": "Sound",
        "trial_params": {"graduation_strategy": "MANUAL"},
    }
    assert build("REELS", VIDEO) == expected


def test_a_cover_replaces_the_frame():
    params = build("REELS", VIDEO, cover_url="https://cdn.example/c.jpg")
    assert params["cover_url"] == "https://cdn.example/c.jpg"
    assert "thumb_offset" not in params


@pytest.mark.parametrize(("item", "name"), [(IMAGE, "image_url"), (VIDEO, "video_url")])
def test_a_story_has_no_text_and_no_place(item, name):
    assert build("STORIES", item) == {"media_type": "STORIES", name: URL, "is_ai_generated": True}


def test_the_items_of_a_carousel_have_only_what_is_theirs():
    assert build("CAROUSEL", IMAGE) == {
        "is_carousel_item": True,
        "image_url": URL,
        "alt_text": "red",
    }
    assert build("CAROUSEL", VIDEO) == {
        "is_carousel_item": True,
        "media_type": "VIDEO",
        "video_url": URL,
    }


def test_the_parent_of_a_carousel_has_the_rest():
    params = parent_params(make_publication("CAROUSEL"), ["1", "2"])
    assert params == {**POST_PARAMS, "media_type": "CAROUSEL", "children": "1,2"}


def test_bytes_of_ours_need_no_url():
    params = build("REELS", VIDEO, MediaSource())
    assert params["upload_type"] == "resumable"
    assert "video_url" not in params


def test_tags_have_a_position_in_images_only():
    tagged = {"options": {"user_tags": [TAG]}}
    image = MediaItem(0, "image", content_type="image/jpeg", **tagged)
    video = MediaItem(0, "video", content_type="video/mp4", **tagged)
    assert build("IMAGE", image)["user_tags"] == [{"username": "ada", "x": 0.5, "y": 0.25}]
    assert build("REELS", video)["user_tags"] == [{"username": "ada"}]


def test_nothing_is_sent_that_was_not_chosen():
    publication = make_publication("REELS", text="", options={})
    params = item_params(publication, VIDEO, MediaSource(URL))
    assert params == {"media_type": "REELS", "video_url": URL}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"content_type": "video/mp4"}, True),
        ({"content_type": "image/jpeg", "url": "https://cdn.example/a.mp4"}, False),
        ({"options": {"media_type": "VIDEO"}}, True),
        ({"options": {"media_type": "IMAGE"}, "url": "https://cdn.example/a.mp4"}, False),
        ({"probe": {"kind": "video"}}, True),
        ({"url": "https://cdn.example/a.MP4?x=1"}, True),
        ({"url": "https://cdn.example/a"}, False),
        ({}, False),
    ],
)
def test_what_is_a_video(fields, expected):
    assert is_video(MediaItem(0, "item", **fields)) is expected


def test_the_end_of_a_url_says_what_it_is():
    assert type_of_url("https://cdn.example/a.jpeg#x") == "IMAGE"
    assert type_of_url("https://cdn.example/a.mov?b=c.jpg") == "VIDEO"
    assert type_of_url("https://[/a.jpg") is None
    assert type_of_url("") is None
