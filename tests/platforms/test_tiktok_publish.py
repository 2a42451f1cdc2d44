"""The adapter's Content Posting calls: requests as sent, how often, responses as parsed."""

import json
from dataclasses import replace

import pytest

from platforms.base import Chunk, ChunkResult, Phase, PublishRequest
from platforms.errors import (
    MisdirectedResponse,
    RateLimited,
    Rejected,
    TimedOut,
    TokenExpired,
    Unavailable,
)
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.tiktok_responses import error_response, last_request, ok_response

TOKEN = Secret("act.canary")
JSON_TYPE = "application/json; charset=UTF-8"
FILE_REQUEST = PublishRequest("INBOX_VIDEO", "FILE_UPLOAD", size=1000)
PULL_REQUEST = PublishRequest(
    "DIRECT_VIDEO", "PULL_FROM_URL", video_url="https://example.com/a.mp4"
)


def test_a_draft_is_started_without_settings(server, tiktok):
    url = f"{server.url}/upload?upload_id=1&upload_token=t"
    set_responses(server, ok_response(publish_id="v_inbox_file~v2.1", upload_url=url))
    started = tiktok.step_publisher.calls.start(
        TOKEN, replace(FILE_REQUEST, settings={"title": "not sent"})
    )
    path, headers, body = last_request(server)
    assert path == "/v2/post/publish/inbox/video/init/"
    assert (headers["content-type"], headers["authorization"]) == (JSON_TYPE, "Bearer act.canary")
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


def test_a_direct_post_sends_the_settings_and_the_url(server, tiktok):
    set_responses(server, ok_response(publish_id="v_pub_url~v2.1"))
    settings = {"privacy_level": "SELF_ONLY", "title": "Hi"}
    started = tiktok.step_publisher.calls.start(TOKEN, replace(PULL_REQUEST, settings=settings))
    path, _, body = last_request(server)
    assert path == "/v2/post/publish/video/init/"
    assert json.loads(body)["post_info"]["privacy_level"] == "SELF_ONLY"
    assert json.loads(body)["source_info"]["video_url"] == "https://example.com/a.mp4"
    assert (started.upload_url, started.chunk_size) == (None, None)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("request_to_start", [FILE_REQUEST, PULL_REQUEST])
def test_a_start_is_sent_exactly_once_whatever_the_status(server, tiktok, request_to_start, status):
    set_responses(server, http_response(status, b"<html>"))
    with pytest.raises(Unavailable if status != 429 else RateLimited):
        tiktok.step_publisher.calls.start(TOKEN, request_to_start)
    assert len(server.requests) == 1


def test_an_upload_url_on_a_foreign_host_is_refused(server, tiktok):
    set_responses(
        server, ok_response(publish_id="v", upload_url="https://evil.example/?upload_token=canary")
    )
    with pytest.raises(Rejected) as caught:
        tiktok.step_publisher.calls.start(TOKEN, FILE_REQUEST)
    assert "canary" not in str(caught.value)


def test_bytes_are_not_sent_to_a_foreign_host(server, tiktok):
    with pytest.raises(Rejected):
        send_chunk_to(tiktok, "https://evil.example/upload")
    assert server.requests == []


def send_chunk_to(tiktok, url, data=b"x" * 10):
    return tiktok.step_publisher.calls.send_chunk(
        Secret(url), data, chunk=Chunk(10, 19), total_size=30, content_type="video/mp4"
    )


def test_a_chunk_is_sent_with_its_range_and_without_a_token(server, tiktok):
    set_responses(server, http_response(206, b"", Content_Range="bytes 0-19/30"))
    result = send_chunk_to(tiktok, f"{server.url}/upload?upload_id=1&upload_token=a-b~c")
    path, headers, body = last_request(server)
    assert path == "/upload?upload_id=1&upload_token=a-b~c"
    assert (headers["content-range"], headers["content-length"]) == ("bytes 10-19/30", "10")
    assert (headers["content-type"], body) == ("video/mp4", b"x" * 10)
    assert "authorization" not in headers
    assert result == ChunkResult(20, is_complete=False)


def test_a_range_mismatch_response_says_where_to_resume(server, tiktok):
    set_responses(server, http_response(416, b"", Content_Range="bytes 0-4/30"))
    assert send_chunk_to(tiktok, f"{server.url}/upload") == ChunkResult(5, is_complete=False)


@pytest.mark.parametrize("path", ["/reset", "/truncated", "/half-close", "/huge"])
def test_a_chunk_is_sent_exactly_once_whatever_happens(server, tiktok, path):
    with pytest.raises(Unavailable) as caught:
        send_chunk_to(tiktok, server.url + path)
    assert caught.value.may_have_arrived
    assert len(server.requests) == 1


def test_html_is_not_taken_for_a_stored_chunk(server, tiktok):
    with pytest.raises(Unavailable):
        send_chunk_to(tiktok, server.url + "/html")


def test_a_status_call_is_retried_once(server, tiktok):
    set_responses(server, http_response(500, b""), ok_response(status="PUBLISH_COMPLETE"))
    assert tiktok.step_publisher.calls.fetch_status(TOKEN, "v~1").phase is Phase.PUBLISHED
    assert [json.loads(body) for _, body in server.requests] == [{"publish_id": "v~1"}] * 2
    assert last_request(server)[0] == "/v2/post/publish/status/fetch/"


@pytest.mark.parametrize("call", ["fetch_status", "cancel"])
def test_an_answer_about_another_post_is_refused(server, tiktok, call):
    set_responses(server, ok_response(status="PUBLISH_COMPLETE", publish_id="v~2"))
    with pytest.raises(MisdirectedResponse) as caught:
        getattr(tiktok.step_publisher.calls, call)(TOKEN, "v~1")
    assert (caught.value.code, caught.value.retryable) == ("INVALID_RESPONSE", True)


def test_an_answer_may_name_the_requested_post(server, tiktok):
    set_responses(server, ok_response(status="PUBLISH_COMPLETE", publish_id="v~1"))
    assert tiktok.step_publisher.calls.fetch_status(TOKEN, "v~1").phase is Phase.PUBLISHED


def test_an_expired_token_is_reported_as_such(server, tiktok):
    set_responses(server, error_response(401, "access_token_invalid"))
    with pytest.raises(TokenExpired):
        tiktok.step_publisher.calls.fetch_status(TOKEN, "v~1")


@pytest.mark.parametrize(
    ("code", "message"), [("invalid_publish_id", ""), ("invalid_params", "invalid_publish_id")]
)
def test_an_unknown_publication_is_reported_as_such(server, tiktok, code, message):
    set_responses(server, error_response(400, code, message))
    with pytest.raises(Rejected) as caught:
        tiktok.step_publisher.calls.fetch_status(TOKEN, "v~1")
    assert caught.value.code == "invalid_publish_id"


def test_a_creator_who_may_not_post_is_reported_with_status_200_too(server, tiktok):
    set_responses(server, error_response(200, "spam_risk_user_banned_from_posting"))
    with pytest.raises(Rejected):
        tiktok.step_publisher.calls.fetch_posting_options(TOKEN)
    path, headers, body = last_request(server)
    assert path == "/v2/post/publish/creator_info/query/"
    assert (headers["content-length"], body) == ("0", b"")


def test_a_cancellation_accepts_an_answer_without_data(server, tiktok):
    set_responses(server, error_response(200, "ok"))
    tiktok.step_publisher.calls.cancel(TOKEN, "v~1")
    assert last_request(server)[0] == "/v2/post/publish/cancel/"


def test_a_cancellation_that_comes_too_late_is_rejected(server, tiktok):
    set_responses(server, error_response(400, "publish_not_cancellable"))
    with pytest.raises(Rejected) as caught:
        tiktok.step_publisher.calls.cancel(TOKEN, "v~1")
    assert (caught.value.code, caught.value.log_id) == ("publish_not_cancellable", "2026")


def test_a_lost_answer_to_a_start_leaves_open_whether_it_worked(server, tiktok):
    server.behaviours["/v2/post/publish/video/init/"] = server.half_close
    with pytest.raises(Unavailable) as caught:
        tiktok.step_publisher.calls.start(TOKEN, PULL_REQUEST)
    assert caught.value.may_have_arrived
    assert not isinstance(caught.value, TimedOut)
    assert len(server.requests) == 1
