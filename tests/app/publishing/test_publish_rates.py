"""The rate of posts in a platform's settings: one limit for its own route and the general one."""

import pytest

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
