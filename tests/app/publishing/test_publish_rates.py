"""How many posts may be requested: by the rate of a platform, and by requests that wait."""

import time
from contextlib import ExitStack

import pytest

from core.publishing.inline_slots import MAX_WAITING_REQUESTS, take_inline_slot
from tests.app.publishing.instagram_fixtures import (
    app,
    instagram,
    instagram_client,
    instagram_sandbox,
)
from tests.support.instagram_harness import instagram_environ

__all__ = ["app", "instagram", "instagram_client", "instagram_sandbox"]  # fixtures

OWN_ROUTE, GENERAL_ROUTE = "/api/instagram/publish", "/api/posts"
URL, LATER = "https://cdn.example.com/1.jpg", "2099-01-01T00:00:00Z"
OWN_BODY = {"mediaType": "IMAGE", "mediaUrl": URL, "publishAt": "soon"}  # refused, and counted
GENERAL_BODY = {"platform": "instagram", "kind": "IMAGE", "media": [{"url": URL}]}


@pytest.fixture
def instagram_app(app_factory, instagram_sandbox):
    """An application with the rate of the defaults, ten a minute."""
    raw, _ = instagram_sandbox
    return app_factory.create_app(**instagram_environ(raw.url, "facebook"))


def post_general(client, **changes):
    headers = {"Prefer": "respond-async"}
    return client.post(GENERAL_ROUTE, json={**GENERAL_BODY, **changes}, headers=headers)


def test_both_routes_share_the_rate_of_the_platform(instagram_client):
    for _ in range(8):
        assert instagram_client.post(OWN_ROUTE, json=OWN_BODY).status_code == 400
    bodies = ({}, {"platform": None}, {})  # without a platform the account decides
    statuses = [post_general(instagram_client, **body).status_code for body in bodies]
    assert statuses == [202, 202, 429]
    refused = post_general(instagram_client)
    error = refused.json["error"]
    assert (error["code"], refused.headers["X-RateLimit-Limit"]) == ("RATE_LIMIT_EXCEEDED", "10")
    assert 0 < error["retryAfter"] <= 60
    assert refused.headers["Retry-After"] == str(error["retryAfter"])
    assert instagram_client.post(OWN_ROUTE, json=OWN_BODY).status_code == 429


def test_posts_to_other_platforms_and_other_requests_are_not_counted(instagram_client):
    for _ in range(11):
        assert instagram_client.get("/api/posts").status_code == 200
        response = post_general(instagram_client, platform="tiktok", kind="INBOX_VIDEO")
        assert response.status_code not in {202, 429}
    assert post_general(instagram_client).status_code == 202


def test_a_request_that_finds_enough_others_waiting_is_answered_at_once(instagram_client):
    """Any other waits for its post for eight seconds, as no worker runs here."""
    started = time.monotonic()
    with ExitStack() as others:
        for _ in range(MAX_WAITING_REQUESTS):
            assert others.enter_context(take_inline_slot())
        responses = [instagram_client.post(GENERAL_ROUTE, json=GENERAL_BODY) for _ in range(3)]
    assert [response.status_code for response in responses] == [202, 202, 202]
    assert time.monotonic() - started < 8
    with take_inline_slot() as has_slot:  # the requests left none taken
        assert has_slot
