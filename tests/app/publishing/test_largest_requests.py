"""Limits that are documented one by one can be reached together: every text at its longest."""

import json

import pytest

from app.http.validation import MAX_POST_BYTES
from platforms.instagram.options import MAX_ALT_TEXT_LENGTH, MAX_COLLABORATORS, MAX_USER_TAGS
from platforms.instagram.seed_paths import MAX_ITEMS
from platforms.tiktok.options import MAX_DESCRIPTION_UNITS, MAX_PHOTOS
from platforms.tiktok.upload_request import MAX_PHOTO_TITLE_UNITS
from platforms.url_rules import MAX_URL_LENGTH

EMOJI = "\U0001f600"  # four bytes in UTF-8, two UTF-16 units, twelve bytes with escapes
MAX_CAPTION_LENGTH = 2200


def long_url(number):
    start = f"https://videos.example.com/{number}/"
    return start + "a" * (MAX_URL_LENGTH - len(start) - 4) + ".jpg"


TIKTOK_POST = {
    "platform": "tiktok",
    "kind": "INBOX_PHOTO",
    "text": EMOJI * (MAX_PHOTO_TITLE_UNITS // 2),
    "media": [{"url": long_url(number)} for number in range(MAX_PHOTOS)],
    "options": {"description": EMOJI * (MAX_DESCRIPTION_UNITS // 2)},
}
TIKTOK_UPLOAD = {
    "source": "PULL_FROM_URL",
    "media_type": "PHOTO",
    "title": TIKTOK_POST["text"],
    "description": EMOJI * (MAX_DESCRIPTION_UNITS // 2),
    "photo_images": [long_url(number) for number in range(MAX_PHOTOS)],
}
USER_TAGS = [
    {"username": "a" * 30, "x": 0.12345678901234567, "y": 0.12345678901234567}
] * MAX_USER_TAGS
INSTAGRAM_POST = {
    "platform": "instagram",
    "kind": "CAROUSEL",
    "text": EMOJI * MAX_CAPTION_LENGTH,
    "media": [
        {"url": long_url(number), "alt_text": EMOJI * MAX_ALT_TEXT_LENGTH, "user_tags": USER_TAGS}
        for number in range(MAX_ITEMS)
    ],
    "options": {"collaborators": ["a" * 30] * MAX_COLLABORATORS, "location_id": "9" * 25},
}
INSTAGRAM_PUBLISH = {
    "media_type": "CAROUSEL",
    "caption": EMOJI * MAX_CAPTION_LENGTH,
    "children": [
        {"media_type": "IMAGE", "mediaUrl": long_url(number)} for number in range(MAX_ITEMS)
    ],
}
LARGEST_REQUESTS = {
    "/api/posts?tiktok": TIKTOK_POST,
    "/api/tiktok/upload": TIKTOK_UPLOAD,
    "/api/posts?instagram": INSTAGRAM_POST,
    "/api/instagram/publish": INSTAGRAM_PUBLISH,
}


def escape_everything(text):
    """JSON with each character of each text as an escape, the longest that JSON can be."""
    plain = json.dumps(text, ensure_ascii=False)
    parts = json.JSONEncoder(ensure_ascii=True).encode(text)
    assert json.loads(parts) == json.loads(plain)
    return parts.replace("a", "\\u0061").replace("/", "\\u002f")


def escape_texts(value):
    """Serialize a value; nearly all characters of a URL become escapes."""
    if isinstance(value, str):
        return escape_everything(value)
    if isinstance(value, list):
        return "[" + ",".join(map(escape_texts, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{escape_texts(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


@pytest.mark.parametrize("path", LARGEST_REQUESTS)
@pytest.mark.parametrize("serialize", [json.dumps, escape_texts], ids=["escaped", "all escaped"])
def test_the_largest_request_is_read_and_judged_by_its_content(
    make_user, make_api_client, path, serialize
):
    body = serialize(LARGEST_REQUESTS[path])
    assert json.loads(body) == LARGEST_REQUESTS[path]
    assert len(body) < MAX_POST_BYTES
    client = make_api_client(make_user())
    response = client.post(path.partition("?")[0], data=body, content_type="application/json")
    # Nothing about its size or its fields is wrong: only the account is missing.
    assert response.json["error"]["code"] in {"not_connected", "NOT_FOUND"}, response.text


def test_a_larger_request_is_refused_with_the_limit(make_user, make_api_client):
    client = make_api_client(make_user())
    response = client.post(
        "/api/posts", data=b" " * (MAX_POST_BYTES + 1), content_type="application/json"
    )
    assert response.status_code == 413
    assert str(MAX_POST_BYTES) in response.json["error"]["message"]
