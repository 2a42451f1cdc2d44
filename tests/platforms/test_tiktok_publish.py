"""What the adapter says and hears about videos, on the wire, and how often."""

import json
from dataclasses import replace

import pytest

from platforms.base import Chunk, Order, Phase, Sent
from platforms.errors import (
    RateLimited,
    Rejected,
    TimedOut,
    TokenExpired,
    Unavailable,
)
from platforms.secret import Secret
from tests.platforms.hostile import answer, plays
from tests.platforms.script import ok, refuses, the_request

TOKEN = Secret("act.canary")

JSON_TYPE = "application/json; charset=UTF-8"

A_FILE = Order("INBOX_VIDEO", "FILE_UPLOAD", size=1000)

A_PULL = Order("DIRECT_VIDEO", "PULL_FROM_URL", video_url="https://example.com/a.mp4")


def test_a_draft_is_announced_without_settings(server, tiktok):
    url = f"{server.url}/upload?upload_id=1&upload_token=t"
    plays(server, ok(publish_id="v_inbox_file~v2.1", upload_url=url))
    started = tiktok.publisher.start(TOKEN, replace(A_FILE, settings={"title": "not told"}))
    path, head, body = the_request(server)
    assert path == "/v2/post/publish/inbox/video/init/"
    assert (head["content-type"], head["authorization"]) == (JSON_TYPE, "Bearer act.canary")
    assert json.loads(body) == {
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": 1000,
            "chunk_size": 1000,
            "total_chunk_count": 1,
        }
    }
    assert (started.publish_id, started.upload_url) == ("v_inbox_file~v2.1", Secret(url))
    assert (started.chunk_size, started.chunk_count, started.log_id) == (1000, 1, "2026")
    assert "upload_token" not in repr(started)


def test_a_direct_post_tells_the_settings_and_the_address(server, tiktok):
    plays(server, ok(publish_id="v_pub_url~v2.1"))
    settings = {"privacy_level": "SELF_ONLY", "title": "Hi"}
    started = tiktok.publisher.start(TOKEN, replace(A_PULL, settings=settings))
    path, _, body = the_request(server)
    assert path == "/v2/post/publish/video/init/"
    assert json.loads(body)["post_info"]["privacy_level"] == "SELF_ONLY"
    assert json.loads(body)["source_info"]["video_url"] == "https://example.com/a.mp4"
    assert (started.upload_url, started.chunk_size) == (None, None)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("order", [A_FILE, A_PULL])
def test_a_start_is_sent_exactly_once_whatever_the_status(server, tiktok, order, status):
    plays(server, answer(status, b"<html>"))
    with pytest.raises(Unavailable if status != 429 else RateLimited):
        tiktok.publisher.start(TOKEN, order)
    assert len(server.seen) == 1


def test_bytes_are_not_promised_to_a_foreign_host(server, tiktok):
    plays(server, ok(publish_id="v", upload_url="https://evil.example/?upload_token=canary"))
    with pytest.raises(Rejected) as caught:
        tiktok.publisher.start(TOKEN, A_FILE)
    assert "canary" not in str(caught.value)


def test_bytes_are_not_sent_to_a_foreign_host(server, tiktok):
    with pytest.raises(Rejected):
        send(tiktok, "https://evil.example/upload")
    assert server.seen == []


def send(tiktok, url, data=b"x" * 10):
    return tiktok.publisher.send(
        Secret(url), data, chunk=Chunk(10, 19), total=30, content_type="video/mp4"
    )


def test_a_chunk_goes_out_with_its_range_and_without_a_token(server, tiktok):
    plays(server, answer(206, b"", Content_Range="bytes 0-19/30"))
    sent = send(tiktok, f"{server.url}/upload?upload_id=1&upload_token=a-b~c")
    path, head, body = the_request(server)
    assert path == "/upload?upload_id=1&upload_token=a-b~c"
    assert (head["content-range"], head["content-length"]) == ("bytes 10-19/30", "10")
    assert (head["content-type"], body) == ("video/mp4", b"x" * 10)
    assert "authorization" not in head
    assert sent == Sent(20, done=False)


def test_out_of_step_the_answers_range_says_where_to_go_on(server, tiktok):
    plays(server, answer(416, b"", Content_Range="bytes 0-4/30"))
    assert send(tiktok, f"{server.url}/upload") == Sent(5, done=False)


@pytest.mark.parametrize("path", ["/reset", "/truncated", "/half-close", "/huge"])
def test_a_chunk_is_sent_exactly_once_whatever_happens(server, tiktok, path):
    with pytest.raises(Unavailable) as caught:
        send(tiktok, server.url + path)
    assert caught.value.reached
    assert len(server.seen) == 1


def test_html_is_not_taken_for_a_stored_chunk(server, tiktok):
    with pytest.raises(Unavailable):
        send(tiktok, server.url + "/html")


def test_a_question_is_asked_twice(server, tiktok):
    plays(server, answer(500, b""), ok(status="PUBLISH_COMPLETE"))
    assert tiktok.publisher.check(TOKEN, "v~1").phase is Phase.PUBLISHED
    assert [json.loads(body) for _, body in server.seen] == [{"publish_id": "v~1"}] * 2
    assert the_request(server)[0] == "/v2/post/publish/status/fetch/"


def test_a_dead_token_is_told_as_such(server, tiktok):
    plays(server, refuses(401, "access_token_invalid"))
    with pytest.raises(TokenExpired):
        tiktok.publisher.check(TOKEN, "v~1")


@pytest.mark.parametrize(
    ("code", "message"), [("invalid_publish_id", ""), ("invalid_params", "invalid_publish_id")]
)
def test_an_unknown_publication_is_told_as_such(server, tiktok, code, message):
    plays(server, refuses(400, code, message))
    with pytest.raises(Rejected) as caught:
        tiktok.publisher.check(TOKEN, "v~1")
    assert caught.value.code == "invalid_publish_id"


def test_a_creator_who_may_not_post_is_told_with_status_200_too(server, tiktok):
    plays(server, refuses(200, "spam_risk_user_banned_from_posting"))
    with pytest.raises(Rejected):
        tiktok.publisher.creator(TOKEN)
    path, head, body = the_request(server)
    assert path == "/v2/post/publish/creator_info/query/"
    assert (head["content-length"], body) == ("0", b"")


def test_a_cancellation_is_content_with_an_answer_without_data(server, tiktok):
    plays(server, refuses(200, "ok"))
    tiktok.publisher.cancel(TOKEN, "v~1")
    assert the_request(server)[0] == "/v2/post/publish/cancel/"


def test_a_late_cancellation_says_so(server, tiktok):
    plays(server, refuses(400, "publish_not_cancellable"))
    with pytest.raises(Rejected) as caught:
        tiktok.publisher.cancel(TOKEN, "v~1")
    assert (caught.value.code, caught.value.log_id) == ("publish_not_cancellable", "2026")


def test_a_lost_answer_to_a_start_leaves_open_whether_it_worked(server, tiktok):
    server.manners["/v2/post/publish/video/init/"] = server.half_close
    with pytest.raises(Unavailable) as caught:
        tiktok.publisher.start(TOKEN, A_PULL)
    assert caught.value.reached
    assert not isinstance(caught.value, TimedOut)
    assert len(server.seen) == 1
