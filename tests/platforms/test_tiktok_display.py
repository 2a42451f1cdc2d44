"""The adapter's Display API calls: requests as sent, responses as parsed."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from platforms.errors import RateLimited, Rejected, TokenExpired, Unavailable
from platforms.insights_base import AccountAccess
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.tiktok_responses import error_response, last_request, ok_response

TOKEN = Secret("act.canary")
SCOPES = ("user.info.basic", "video.list", "user.info.stats")
ACCESS = AccountAccess(TOKEN, SCOPES)
VIDEO_OBJECT = {
    "id": "7602997517160123666",
    "create_time": 1_770_210_873,
    "title": "A video",
    "video_description": "A video, described",
    "duration": 12,
    "share_url": "https://www.tiktok.com/@a/video/7602997517160123666",
    "view_count": 5_000_000_000,
    "like_count": 12,
    "comment_count": 0,
    "share_count": 3,
}


def list_response(*videos, **more):
    return ok_response(videos=list(videos), **more)


def fetch_one_video(server, tiktok, **changes):
    fields = {**VIDEO_OBJECT, **changes}
    set_responses(
        server, list_response({name: value for name, value in fields.items() if value != "absent"})
    )
    (video,) = tiktok.insights.fetch_item_page(ACCESS).items
    return video


def test_a_page_is_requested_with_its_fields_in_the_url(server, tiktok):
    set_responses(server, list_response(VIDEO_OBJECT, cursor=1_770_210_873_000, has_more=True))
    page = tiktok.insights.fetch_item_page(ACCESS, cursor="1770300000000")
    target, headers, body = last_request(server)
    url = urlsplit(target)
    assert url.path == "/v2/video/list/"
    assert set(parse_qs(url.query)["fields"][0].split(",")) == set(VIDEO_OBJECT)
    assert json.loads(body) == {"max_count": 20, "cursor": 1_770_300_000_000}
    assert headers["authorization"] == "Bearer act.canary"
    assert page.next_cursor == "1770210873000"
    (video,) = page.items
    assert (video.id, video.text) == ("7602997517160123666", "A video")
    assert video.posted_at == datetime(2026, 2, 4, 13, 14, 33, tzinfo=UTC)
    assert video.duration == timedelta(seconds=12)
    assert video.counts == {"views": 5_000_000_000, "likes": 12, "comments": 0, "shares": 3}


def test_the_first_page_is_requested_without_a_cursor_and_the_last_one_has_none(server, tiktok):
    set_responses(server, list_response(VIDEO_OBJECT, cursor=1_770_210_873_000, has_more=False))
    assert tiktok.insights.fetch_item_page(ACCESS).next_cursor is None
    assert json.loads(last_request(server)[2]) == {"max_count": 20}


def test_known_videos_are_requested_by_their_ids(server, tiktok):
    set_responses(server, list_response(VIDEO_OBJECT))
    (video,) = tiktok.insights.fetch_items(ACCESS, ids=["7602997517160123666", "8"])
    target, _, body = last_request(server)
    assert urlsplit(target).path == "/v2/video/query/"
    assert json.loads(body) == {"filters": {"video_ids": ["7602997517160123666", "8"]}}
    assert video.id == "7602997517160123666"


def test_videos_that_were_not_requested_are_dropped(server, tiktok):
    set_responses(server, list_response(VIDEO_OBJECT, {**VIDEO_OBJECT, "id": 9}))
    (video,) = tiktok.insights.fetch_items(ACCESS, ids=["9"])
    assert video.id == "9"


def test_a_single_video_and_a_flag_as_text_are_read(server, tiktok):
    set_responses(server, ok_response(videos=VIDEO_OBJECT, has_more="true", cursor="177021087300"))
    page = tiktok.insights.fetch_item_page(ACCESS)
    assert (len(page.items), page.next_cursor) == (1, "177021087300")
    set_responses(server, list_response(VIDEO_OBJECT, has_more="false", cursor=0))
    assert tiktok.insights.fetch_item_page(ACCESS).next_cursor is None


@pytest.mark.parametrize("value", [0, -1, "soon", 10**9, None])
def test_a_duration_that_was_not_said_is_missing(server, tiktok, value):
    assert fetch_one_video(server, tiktok, duration=value).duration is None


@pytest.mark.parametrize("ids", [[], ["1"] * 21])
def test_more_than_twenty_ids_or_none_are_not_requested(server, tiktok, ids):
    with pytest.raises(ValueError):
        tiktok.insights.fetch_items(ACCESS, ids=ids)
    assert server.requests == []


def test_account_totals_request_the_counters_and_nothing_else(server, tiktok):
    user = {"follower_count": 3_000_000_000, "following_count": 0, "likes_count": None}
    set_responses(server, ok_response(user=user))
    assert tiktok.insights.fetch_account_totals(ACCESS) == {
        "followers": 3_000_000_000,
        "following": 0,
    }
    url = urlsplit(last_request(server)[0])
    assert url.path == "/v2/user/info/"
    assert parse_qs(url.query)["fields"] == [
        "follower_count,following_count,likes_count,video_count"
    ]


@pytest.mark.parametrize(
    ("call", "scopes"),
    [
        (
            lambda insights, scopes: insights.fetch_account_totals(AccountAccess(TOKEN, scopes)),
            ("video.list",),
        ),
        (
            lambda insights, scopes: insights.fetch_item_page(AccountAccess(TOKEN, scopes)),
            ("user.info.stats",),
        ),
        (
            lambda insights, scopes: insights.fetch_items(AccountAccess(TOKEN, scopes), ids=["1"]),
            (),
        ),
    ],
)
def test_a_call_without_its_scope_is_not_sent(server, tiktok, call, scopes):
    with pytest.raises(Rejected) as caught:
        call(tiktok.insights, scopes)
    assert caught.value.code == "scope_not_authorized"
    assert server.requests == []


@pytest.mark.parametrize("value", ["absent", None, -3, 1.5, "many", True, 2**63, [], {"a": 1}])
def test_an_invalid_count_is_missing_and_not_zero(server, tiktok, value):
    assert fetch_one_video(server, tiktok, view_count=value).counts == {
        "likes": 12,
        "comments": 0,
        "shares": 3,
    }


@pytest.mark.parametrize("value", [2**31, 2**63 - 1, str(2**40)])
def test_a_large_count_is_parsed_exactly_also_from_a_text(server, tiktok, value):
    assert fetch_one_video(server, tiktok, view_count=value).counts["views"] == int(value)


@pytest.mark.parametrize("value", ["absent", None, 0, -1, 10**18, "soon"])
def test_an_invalid_time_is_missing(server, tiktok, value):
    assert fetch_one_video(server, tiktok, create_time=value).posted_at is None


def test_a_caption_may_be_in_either_of_two_fields(server, tiktok):
    assert fetch_one_video(server, tiktok, title="").text == "A video, described"
    assert fetch_one_video(server, tiktok, title="", video_description=" ").text is None
    assert (
        fetch_one_video(server, tiktok, title="half\ud83d pair\0").text == "half\ufffd pair\ufffd"
    )


def test_an_item_without_an_id_is_skipped(server, tiktok):
    set_responses(
        server,
        list_response({"like_count": 3}, "nonsense", VIDEO_OBJECT, {**VIDEO_OBJECT, "id": 7}),
    )
    assert [video.id for video in tiktok.insights.fetch_item_page(ACCESS).items] == [
        VIDEO_OBJECT["id"],
        "7",
    ]


@pytest.mark.parametrize(
    "response",
    [
        ok_response(),
        ok_response(videos=None),
        ok_response(videos={}),
        ok_response(videos=[], has_more=True),
        ok_response(videos=[], has_more=True, cursor="soon"),
        http_response(200, b"<html>all is well</html>"),
        http_response(502, b""),
    ],
)
def test_an_unusable_response_is_an_error_and_not_an_empty_list(server, tiktok, response):
    set_responses(server, response)
    with pytest.raises(Unavailable):
        tiktok.insights.fetch_item_page(ACCESS)


@pytest.mark.parametrize(
    ("response", "error_type"),
    [
        (error_response(401, "access_token_invalid"), TokenExpired),
        (error_response(401, "scope_not_authorized"), Rejected),
        (error_response(429, "rate_limit_exceeded"), RateLimited),
    ],
)
def test_a_refusal_becomes_the_matching_error(server, tiktok, response, error_type):
    set_responses(server, response)
    with pytest.raises(error_type):
        tiktok.insights.fetch_account_totals(ACCESS)


def test_a_query_is_retried_once(server, tiktok):
    set_responses(server, http_response(500, b""), list_response(VIDEO_OBJECT))
    assert len(tiktok.insights.fetch_item_page(ACCESS).items) == 1
    assert len(server.requests) == 2
