"""Every answer of the Instagram paths, compared with the stored one: others build against them.

`GOLDEN_UPDATE=1` writes the file again; look at the difference before it is committed.
"""

import json
import os
import re
from pathlib import Path

import pytest

from core.post_state.settle import PostState
from tests.app.publishing.instagram_fixtures import (
    app,
    build_instagram_app,
    instagram,
    instagram_client,
    instagram_sandbox,
)
from tests.app.publishing.test_golden_answers import describe_answer, normalize_answer

__all__ = ["app", "instagram", "instagram_client", "instagram_sandbox"]  # fixtures

GOLDEN_FILE = Path(__file__).with_name("golden_instagram_answers.json")
PUBLISH = "/api/instagram/publish"
ASYNC = {"Prefer": "respond-async"}
IMAGE_URL, VIDEO_URL = "https://cdn.example.com/1.jpg", "https://cdn.example.com/2.mp4"
IMAGE = {"mediaType": "IMAGE", "mediaUrl": IMAGE_URL, "caption": "Bread", "altText": "A loaf"}
CHILDREN = [
    {"mediaType": "IMAGE", "mediaUrl": IMAGE_URL},
    {"mediaType": "VIDEO", "mediaUrl": VIDEO_URL},
]
CAROUSEL = {"mediaType": "CAROUSEL", "caption": "Two", "children": CHILDREN}
REQUESTS = (
    ("POST", PUBLISH, IMAGE, ASYNC),
    ("POST", PUBLISH, IMAGE, {**ASYNC, "Idempotency-Key": "a"}),
    ("POST", PUBLISH, IMAGE, {**ASYNC, "Idempotency-Key": "a"}),
    ("POST", PUBLISH, CAROUSEL, {**ASYNC, "Idempotency-Key": "a"}),
    ("POST", PUBLISH, {"mediaType": "VIDEO", "mediaUrl": VIDEO_URL}, ASYNC),
    ("POST", PUBLISH, {"mediaType": "STORIES", "mediaUrl": IMAGE_URL}, ASYNC),
    ("POST", PUBLISH, CAROUSEL, ASYNC),
    ("POST", PUBLISH, {}, ASYNC),
    ("POST", PUBLISH, [], ASYNC),
    ("POST", PUBLISH, {**IMAGE, "mediaId": 1}, ASYNC),
    ("POST", PUBLISH, {**IMAGE, "mediaUrl": "http://cdn.example.com/1.jpg"}, ASYNC),
    ("POST", PUBLISH, {**IMAGE, "caption": "x" * 2201, "publishAt": "soon"}, ASYNC),
    ("POST", PUBLISH, {**IMAGE, "shareToFeed": True, "accountId": 999}, ASYNC),
    ("POST", PUBLISH, {**IMAGE, "accountId": 999}, ASYNC),
    ("POST", PUBLISH, {**CAROUSEL, "children": CHILDREN[:1]}, ASYNC),
    ("POST", PUBLISH, {"mediaType": "IMAGE", "mediaId": 999}, ASYNC),
    ("GET", f"{PUBLISH}/1", None, {}),
    ("GET", f"{PUBLISH}/999", None, {}),
    ("GET", "/api/instagram/quota", None, {}),
    ("GET", "/api/posts?platform=instagram&limit=1", None, {}),
)


@pytest.fixture
def instagram_app(app_factory, instagram_sandbox, tmp_path):
    """The requests are more than the shipped limit allows in a minute: it is raised here."""
    return build_instagram_app(
        app_factory, instagram_sandbox, tmp_path, RATE_LIMIT_INSTAGRAM_PUBLISH="10000/1m"
    )


def collect_answers(client, instagram):
    for method, path, body, headers in REQUESTS:
        response = client.open(path, method=method, json=body, headers=headers)
        yield describe_answer(method, path, body, response)
    for _ in range(20):
        instagram.run_until_idle(1)
    yield show_post(client, 1, "published")
    for state, columns in (
        (PostState.UNCONFIRMED, {}),
        (PostState.CANCELLED, {"error_code": "publish_cancelled"}),
        (PostState.FAILED, {"error_code": "image_format_unsupported", "error_message": "a PNG"}),
    ):
        instagram.update_post(2, state=state, **columns)
        yield show_post(client, 2, state.lower())


def show_post(client, post_id, state):
    path = f"{PUBLISH}/{post_id}"
    return describe_answer("GET", f"{path} {state}", None, client.get(path))


def replace_platform_ids(answers):
    """Ids and addresses of the sandbox are new in each test."""
    text = json.dumps(answers)
    text = re.sub(r'"\d{9,}"', '"<platform id>"', text)
    return json.loads(re.sub(r"https://www\.instagram\.com/[\w/.-]+", "<permalink>", text))


def test_every_instagram_answer_is_the_stored_one(instagram_client, instagram):
    answers = replace_platform_ids(list(collect_answers(instagram_client, instagram)))
    if os.environ.get("GOLDEN_UPDATE"):
        GOLDEN_FILE.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
    stored = json.loads(GOLDEN_FILE.read_text())
    assert len(answers) == len(stored)
    for answer, expected in zip(answers, stored, strict=True):
        assert answer == {**expected, "answer": normalize_answer(expected["answer"])}


def test_times_and_ids_are_not_compared():
    assert normalize_answer({"at": "2026-11-25T09:30:00Z"}) == {"at": "<time>"}
