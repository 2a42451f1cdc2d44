"""Every answer of the TikTok paths, compared with the stored one: others build against them.

`GOLDEN_UPDATE=1` writes the file again; look at the difference before it is committed.
"""

import json
import os
import re
from pathlib import Path

from tests.platforms.tiktok_responses import error_response
from tests.support.publishing_harness import FILE_REQUEST, INBOX_INIT_PATH, URL_REQUEST

GOLDEN_FILE = Path(__file__).with_name("golden_answers.json")
UPLOAD, POSTS = "/api/tiktok/upload", "/api/tiktok/posts"
DIRECT = {**URL_REQUEST, "mode": "DIRECT", "privacy_level": "SELF_ONLY"}
PHOTOS = {
    "source": "PULL_FROM_URL",
    "title": "Photos",
    "media_type": "PHOTO",
    "photo_images": ["https://films.example.org/a.jpg"],
}
REPLACEMENTS = (
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>"),
    (r"127\.0\.0\.1:\d+", "<server>"),
    (r"v_(pub|inbox)[\w~.-]+", "<publish id>"),
    (r"upload_token=[\w.<>-]+", "upload_token=<token>"),
    (r"upload_id=\d+", "upload_id=<number>"),  # counted over all tests of a process
    (r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uuid>"),
    (r"^Value error, ", ""),  # a library's words, which said nothing
)
CHANGING_KEYS = frozenset(
    {"requestId", "request_id", "timestamp", "retryAfter", "retry_after", "resets_in"}
)

REQUESTS = (
    ("POST", UPLOAD, URL_REQUEST, {}),
    ("POST", UPLOAD, {**URL_REQUEST, "disable_duet": True}, {"Idempotency-Key": "a"}),
    ("POST", UPLOAD, {**URL_REQUEST, "disable_duet": True}, {"Idempotency-Key": "a"}),
    ("POST", UPLOAD, URL_REQUEST, {"Idempotency-Key": "a"}),
    ("POST", UPLOAD, FILE_REQUEST, {}),
    ("POST", UPLOAD, {**FILE_REQUEST, "video_size": 70_000_000}, {}),
    ("POST", UPLOAD, DIRECT, {}),
    ("POST", UPLOAD, PHOTOS, {}),
    ("POST", UPLOAD, URL_REQUEST, {"Prefer": "respond-async"}),
    ("POST", UPLOAD, {**URL_REQUEST, "publish_at": "2001-01-01T00:00:00Z"}, {}),
    ("POST", UPLOAD, {**URL_REQUEST, "title": " "}, {}),
    ("POST", UPLOAD, {**URL_REQUEST, "title": "x" * 2201}, {}),
    ("POST", UPLOAD, {**URL_REQUEST, "unknown": 1, "mode": "OTHER"}, {}),
    ("POST", UPLOAD, {**URL_REQUEST, "videoUrl": "http://films.example.org/a.mp4"}, {}),
    ("POST", UPLOAD, {**DIRECT, "privacy_level": None}, {}),
    ("POST", UPLOAD, {**DIRECT, "brand_content_toggle": True}, {}),
    ("POST", UPLOAD, {**PHOTOS, "photo_cover_index": 3}, {}),
    ("POST", UPLOAD, {**PHOTOS, "disable_duet": True}, {}),
    ("POST", UPLOAD, {"source": "FILE_UPLOAD", "title": "A", "media_id": 999}, {}),
    ("POST", UPLOAD, {**URL_REQUEST, "account_id": 999}, {}),
    ("POST", UPLOAD, [], {}),
    ("GET", "/api/posts/1", None, {}),
    ("GET", "/api/posts/1/events", None, {}),
    ("GET", "/api/posts?limit=2", None, {}),
    ("GET", "/api/posts/999", None, {}),
    ("GET", f"{POSTS}?limit=2", None, {}),
    ("GET", f"{POSTS}?status=FAILED", None, {}),
    ("GET", f"{POSTS}?status=NO", None, {}),
    ("GET", "/api/tiktok/quota", None, {}),
    ("GET", "/api/tiktok/upload/5/progress", None, {}),
    ("GET", "/api/tiktok/upload/1/progress", None, {}),
    ("GET", "/api/tiktok/status/unknown", None, {}),
    ("GET", "/api/tiktok/creator-info", None, {}),
    ("POST", "/api/posts/1/cancel", None, {}),
    ("POST", "/api/posts/1/retry", None, {}),
    ("POST", "/api/posts/1/release", None, {}),
    ("GET", "/api/platforms", None, {}),
)


def normalize_answer(value):
    if isinstance(value, dict):
        return {
            key: "<any>" if key in CHANGING_KEYS and item is not None else normalize_answer(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [normalize_answer(item) for item in value]
    if isinstance(value, str):
        for pattern, replacement in REPLACEMENTS:
            value = re.sub(pattern, replacement, value)
    return value


def collect_answers(api_client, publisher):
    for method, path, body, headers in REQUESTS:
        response = api_client.open(path, method=method, json=body, headers=headers)
        yield describe_answer(method, path, body, response)
    for code in ("spam_risk_too_many_posts", "url_ownership_unverified", "scope_not_authorized"):
        publisher.set_responses(INBOX_INIT_PATH, error_response(403, code))
        response = api_client.post(UPLOAD, json=URL_REQUEST)
        yield describe_answer("POST", f"{UPLOAD} {code}", URL_REQUEST, response)


def describe_answer(method, path, body, response):
    return {
        "request": f"{method} {path}",
        "body": body,
        "status": response.status_code,
        "location": response.headers.get("Location"),
        "answer": normalize_answer(response.json),
    }


def test_every_answer_is_the_stored_one(api_client, account, publisher):
    answers = list(collect_answers(api_client, publisher))
    if os.environ.get("GOLDEN_UPDATE"):
        GOLDEN_FILE.write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
    stored = json.loads(GOLDEN_FILE.read_text())
    assert len(answers) == len(stored)
    for answer, expected in zip(answers, stored, strict=True):
        assert json.loads(json.dumps(answer)) == {
            **expected,
            "answer": normalize_answer(expected["answer"]),
        }
