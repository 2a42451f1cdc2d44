"""Request to published, end to end: real processes, a strict platform, and its word on the end."""

from hashlib import sha256

import pytest
import requests

from tests.flows.brokers import until
from tests.flows.guests import BIG, DIRECT, PULL, a_film

pytestmark = pytest.mark.timeout(120)


def mouths(post):
    """Who brought news of it: webhook, poll, or both."""
    return {event["kind"] for event in post["events"]} & {"webhook", "poll"}


def published_once(guest, post):
    """Both sides say so, and nothing of it is left to do."""
    assert (post["state"], post["error"]) == ("PUBLISHED", None)
    assert (post["due_at"], guest.publications()) == (None, 1)


def test_a_film_of_one_chunk_is_published_as_it_was_given(guest):
    media = guest.file()
    post = guest.ended(guest.wish(source="FILE_UPLOAD", media_id=media, **DIRECT))
    published_once(guest, post)
    assert [one["sha256"] for one in guest.platform_posts()] == [digest(guest.films[media])]
    assert len(guest.calls("upload")) == 1


def test_a_film_of_several_chunks_arrives_whole(guest):
    media = guest.file(BIG)
    post = guest.ended(guest.wish(source="FILE_UPLOAD", media_id=media, **DIRECT))
    published_once(guest, post)
    assert [one["sha256"] for one in guest.platform_posts()] == [digest(guest.films[media])]
    assert [each["status"] for each in guest.calls("upload")] == [206] * 5 + [201]


def test_a_webhook_alone_ends_a_post_without_a_question(guest):
    post = guest.ended(guest.send())
    published_once(guest, post)
    assert mouths(post) == {"webhook"}
    assert guest.calls("status") == []


def test_without_webhooks_the_poll_finds_the_end(house, guest):
    house.sandbox.control("faults", endpoint="webhook", kind="lose", times=0)
    post = guest.ended(guest.send())
    published_once(guest, post)
    assert mouths(post) == {"poll"}


def test_a_webhook_that_is_faster_than_the_start_s_own_answer_is_kept_for_it(house, guest):
    house.sandbox.control("settings", processing_seconds=0, download_seconds=0)
    house.sandbox.control("faults", endpoint="video_init", kind="slow", seconds=1.5)
    post_id = guest.wish(**PULL, **DIRECT)
    until(lambda: unplaced(house, guest), what="news that nobody can place yet")
    post = guest.ended(post_id)
    published_once(guest, post)
    assert len(guest.calls("video_init")) == 1


def test_a_webhook_that_is_faster_than_the_last_chunk_s_answer_is_not_taken_back(house, guest):
    house.sandbox.control("settings", processing_seconds=0, moderation_seconds=60)
    house.sandbox.control("faults", endpoint="upload", kind="slow", seconds=2)
    post_id = guest.send()
    guest.ended(post_id)
    until(lambda: not leased(house, post_id), what="the answer to the last chunk")
    post = guest.post(post_id)
    published_once(guest, post)
    assert [event["to"] for event in post["events"] if event["from"] == "PUBLISHED"] == []


def leased(house, post_id):
    return house.one("SELECT leased_until IS NOT NULL FROM posts WHERE id = %s", post_id)


def unplaced(house, guest):
    """Tries of notices about a publication of theirs that we do not know yet."""
    known = tuple(one["publish_id"] for one in guest.platform_posts())
    return known and house.one(
        "SELECT count(*) FROM webhook_events WHERE publish_id = ANY(%s) AND retry_count > 0",
        list(known),
    )


def test_a_film_at_an_address_is_fetched_by_the_platform(guest):
    post = guest.ended(guest.wish(**PULL, **DIRECT))
    published_once(guest, post)
    assert guest.platform_posts()[0]["urls"] == [PULL["videoUrl"]]


def test_the_caller_may_send_the_bytes_and_we_follow(guest):
    data = a_film()
    wish = {"source": "FILE_UPLOAD", "video_size": len(data), **DIRECT}
    told = guest.request(wait=True, **wish).json()["data"]
    headers = {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}", "Content-Type": "video/mp4"}
    assert requests.put(told["upload_url"], data, headers=headers, timeout=10).status_code == 201
    post = guest.ended(told["id"])
    published_once(guest, post)
    assert [one["sha256"] for one in guest.platform_posts()] == [digest(data)]


def test_a_draft_waits_in_the_inbox_and_is_published_when_its_creator_posts_it(house, guest):
    media = guest.file()
    post = guest.ended(guest.wish(source="FILE_UPLOAD", media_id=media, mode="INBOX"))
    assert (post["status"], guest.publications()) == ("SEND_TO_USER_INBOX", 0)
    house.sandbox.control(f"posts/{post['publish_id']}/post", public=True)
    until(lambda: guest.post(post["id"])["status"] == "PUBLISH_COMPLETE", what="the news")
    assert (guest.post(post["id"])["state"], guest.publications()) == ("PUBLISHED", 1)


def test_a_post_that_the_platform_rejects_has_failed_with_its_reason(house, guest):
    house.sandbox.control("settings", fail_reason="frame_rate_check_failed")
    post = guest.ended(guest.send())
    assert (post["state"], post["error"]["code"]) == ("FAILED", "frame_rate_check_failed")
    assert (post["due_at"], guest.publications()) == (None, 0)


def test_the_same_request_again_is_the_same_post(guest):
    wish = {"source": "FILE_UPLOAD", "media_id": guest.file(), "title": "once", **DIRECT}
    asked = [guest.request(key="one-and-the-same", **wish) for _ in range(3)]
    assert len({answer.json()["data"]["id"] for answer in asked}) == 1
    published_once(guest, guest.ended(asked[0].json()["data"]["id"]))


def test_a_post_that_is_being_fetched_can_be_called_off(house, guest):
    house.sandbox.control("settings", download_seconds=60)
    post_id = guest.wish(**PULL, **DIRECT)
    until(lambda: guest.state(post_id) == "PROCESSING", what="the download")
    guest.told("POST", f"/api/posts/{post_id}/cancel", json={})
    post = guest.ended(post_id)
    assert (post["state"], guest.publications()) == ("CANCELLED", 0)
    assert [one["fail_reason"] for one in guest.platform_posts()] == ["publish_cancelled"]


def digest(data):
    return sha256(data).hexdigest()
