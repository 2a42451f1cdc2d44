"""A person who waits for the response learns at once that a URL does not answer."""

import pytest
from sqlalchemy import select

from db.posts.posts import Post

URL = "https://no-such-host.invalid/video.mp4"


@pytest.fixture
def extra_settings():
    return {"TIKTOK_CHECK_URLS": "on"}


def request_pull(api_client, **headers):
    fields = {"source": "PULL_FROM_URL", "title": "A", "videoUrl": URL}
    return api_client.post("/api/tiktok/upload", json=fields, headers=headers)


def test_a_host_that_does_not_answer_is_reported_to_who_waits(api_client, account, publisher):
    response = request_pull(api_client)

    assert (response.status_code, response.json["error"]["code"]) == (400, "url_unreachable")
    [post] = publisher.all(select(Post))
    assert (post.state, post.error_code) == ("FAILED", "url_unreachable")


def test_the_same_post_of_a_caller_who_does_not_wait_is_tried_again(api_client, account, publisher):
    response = request_pull(api_client, Prefer="respond-async")
    publisher.run_workers()

    assert response.status_code == 202
    [post] = publisher.all(select(Post))
    assert (post.state, post.attempts > 0) == ("QUEUED", True)
