"""From upload request to published post, with real processes and the sandbox as the platform."""

from hashlib import sha256

import requests

from tests.flows.api_user import CHUNKED_FILE_BYTES, DIRECT_FIELDS, PULL_FIELDS, make_video
from tests.flows.brokers import wait_until


def list_sources(post):
    """Return what updated the post: webhook, poll, or both."""
    return {event["kind"] for event in post["events"]} & {"webhook", "poll"}


def assert_published_once(api_user, post):
    """Our state is published and no longer due, and the platform published it once."""
    assert (post["state"], post["error"]) == ("PUBLISHED", None)
    assert (post["due_at"], api_user.count_publications()) == (None, 1)


def test_a_video_of_one_chunk_is_published_unchanged(api_user):
    media_id = api_user.upload_file()
    post = api_user.wait_until_final(
        api_user.create_post(source="FILE_UPLOAD", media_id=media_id, **DIRECT_FIELDS)
    )
    assert_published_once(api_user, post)
    assert [post["sha256"] for post in api_user.list_platform_posts()] == [
        sha256_hex(api_user.files[media_id])
    ]
    assert len(api_user.list_platform_calls("upload")) == 1


def test_a_video_of_several_chunks_arrives_whole(api_user):
    media_id = api_user.upload_file(CHUNKED_FILE_BYTES)
    post = api_user.wait_until_final(
        api_user.create_post(source="FILE_UPLOAD", media_id=media_id, **DIRECT_FIELDS)
    )
    assert_published_once(api_user, post)
    assert [post["sha256"] for post in api_user.list_platform_posts()] == [
        sha256_hex(api_user.files[media_id])
    ]
    assert [call["status"] for call in api_user.list_platform_calls("upload")] == [206] * 5 + [201]


def test_a_webhook_alone_finishes_a_post_without_a_poll(api_user):
    post = api_user.wait_until_final(api_user.publish_file())
    assert_published_once(api_user, post)
    assert list_sources(post) == {"webhook"}
    assert api_user.list_platform_calls("status") == []


def test_without_webhooks_the_poll_finds_the_end(stack, api_user):
    stack.sandbox.control("faults", endpoint="webhook", kind="lose", times=0)
    post = api_user.wait_until_final(api_user.publish_file())
    assert_published_once(api_user, post)
    assert list_sources(post) == {"poll"}


def test_a_webhook_that_arrives_before_the_start_response_is_kept_for_it(stack, api_user):
    stack.sandbox.control("settings", processing_seconds=0, download_seconds=0)
    stack.sandbox.control("faults", endpoint="video_init", kind="slow", seconds=1.5)
    post_id = api_user.create_post(**PULL_FIELDS, **DIRECT_FIELDS)
    wait_until(
        lambda: count_unmatched_retries(stack, api_user), what="an event without a matching post"
    )
    post = api_user.wait_until_final(post_id)
    assert_published_once(api_user, post)
    assert len(api_user.list_platform_calls("video_init")) == 1


def test_a_webhook_that_arrives_before_the_last_chunk_response_is_not_undone(stack, api_user):
    stack.sandbox.control("settings", processing_seconds=0, moderation_seconds=60)
    stack.sandbox.control("faults", endpoint="upload", kind="slow", seconds=2)
    post_id = api_user.publish_file()
    api_user.wait_until_final(post_id)
    wait_until(lambda: not is_leased(stack, post_id), what="the response to the last chunk")
    post = api_user.get_post(post_id)
    assert_published_once(api_user, post)
    assert [event["to"] for event in post["events"] if event["from"] == "PUBLISHED"] == []


def is_leased(stack, post_id):
    return stack.query_value("SELECT leased_until IS NOT NULL FROM posts WHERE id = %s", post_id)


def count_unmatched_retries(stack, api_user):
    """Return how many events about this user's publications were retried."""
    publish_ids = [post["publish_id"] for post in api_user.list_platform_posts()]
    return stack.query_value(
        "SELECT count(*) FROM webhook_events WHERE publish_id = ANY(%s) AND retry_count > 0",
        publish_ids,
    )


def test_a_video_at_a_url_is_fetched_by_the_platform(api_user):
    post = api_user.wait_until_final(api_user.create_post(**PULL_FIELDS, **DIRECT_FIELDS))
    assert_published_once(api_user, post)
    assert api_user.list_platform_posts()[0]["urls"] == [PULL_FIELDS["videoUrl"]]


def test_a_caller_may_send_the_bytes_themselves_and_the_post_is_published(api_user):
    data = make_video()
    fields = {"source": "FILE_UPLOAD", "video_size": len(data), **DIRECT_FIELDS}
    started = api_user.request_post(wait=True, **fields).json()["data"]
    headers = {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}", "Content-Type": "video/mp4"}
    assert requests.put(started["upload_url"], data, headers=headers, timeout=10).status_code == 201
    post = api_user.wait_until_final(started["id"])
    assert_published_once(api_user, post)
    assert [post["sha256"] for post in api_user.list_platform_posts()] == [sha256_hex(data)]


def test_a_draft_waits_in_the_inbox_and_is_published_when_its_creator_posts_it(stack, api_user):
    media = api_user.upload_file()
    post = api_user.wait_until_final(
        api_user.create_post(source="FILE_UPLOAD", media_id=media, mode="INBOX")
    )
    assert (post["status"], api_user.count_publications()) == ("SEND_TO_USER_INBOX", 0)
    stack.sandbox.control(f"posts/{post['publish_id']}/post", public=True)
    wait_until(
        lambda: api_user.get_post(post["id"])["status"] == "PUBLISH_COMPLETE", what="the update"
    )
    assert (api_user.get_post(post["id"])["state"], api_user.count_publications()) == (
        "PUBLISHED",
        1,
    )


def test_a_post_that_the_platform_rejects_has_failed_with_its_reason(stack, api_user):
    stack.sandbox.control("settings", fail_reason="frame_rate_check_failed")
    post = api_user.wait_until_final(api_user.publish_file())
    assert (post["state"], post["error"]["code"]) == ("FAILED", "frame_rate_check_failed")
    assert (post["due_at"], api_user.count_publications()) == (None, 0)


def test_the_same_request_again_is_the_same_post(api_user):
    fields = {
        "source": "FILE_UPLOAD",
        "media_id": api_user.upload_file(),
        "title": "once",
        **DIRECT_FIELDS,
    }
    responses = [api_user.request_post(key="one-and-the-same", **fields) for _ in range(3)]
    post_ids = {response.json()["data"]["id"] for response in responses}
    assert len(post_ids) == 1
    assert_published_once(api_user, api_user.wait_until_final(post_ids.pop()))


def test_a_post_that_is_being_fetched_can_be_cancelled(stack, api_user):
    stack.sandbox.control("settings", download_seconds=60)
    post_id = api_user.create_post(**PULL_FIELDS, **DIRECT_FIELDS)
    wait_until(lambda: api_user.get_state(post_id) == "PROCESSING", what="the download")
    api_user.call_json("POST", f"/api/posts/{post_id}/cancel", json={})
    post = api_user.wait_until_final(post_id)
    assert (post["state"], api_user.count_publications()) == ("CANCELLED", 0)
    assert [post["fail_reason"] for post in api_user.list_platform_posts()] == ["publish_cancelled"]


def sha256_hex(data):
    return sha256(data).hexdigest()
