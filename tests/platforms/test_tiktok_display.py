"""What the adapter asks and hears about videos and their numbers, on the wire."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from platforms.errors import RateLimited, Rejected, TokenExpired, Unavailable
from platforms.secret import Secret
from tests.platforms.hostile import answer, plays
from tests.platforms.script import ok, refuses, the_request

TOKEN = Secret("act.canary")
SCOPES = ("user.info.basic", "video.list", "user.info.stats")
A_VIDEO = {
    "id": "7602997517160123666",
    "create_time": 1_770_210_873,
    "title": "A film",
    "video_description": "A film, described",
    "duration": 12,
    "share_url": "https://www.tiktok.com/@a/video/7602997517160123666",
    "view_count": 5_000_000_000,
    "like_count": 12,
    "comment_count": 0,
    "share_count": 3,
}


def listed(*videos, **more):
    return ok(videos=list(videos), **more)


def one(server, tiktok, **changes):
    told = {**A_VIDEO, **changes}
    plays(server, listed({name: value for name, value in told.items() if value != "absent"}))
    (video,) = tiktok.insights.listing(TOKEN, SCOPES).videos
    return video


def test_a_page_is_asked_for_with_its_fields_in_the_address(server, tiktok):
    plays(server, listed(A_VIDEO, cursor=1_770_210_873_000, has_more=True))
    page = tiktok.insights.listing(TOKEN, SCOPES, cursor=1_770_300_000_000)
    address, head, body = the_request(server)
    at = urlsplit(address)
    assert at.path == "/v2/video/list/"
    assert set(parse_qs(at.query)["fields"][0].split(",")) == set(A_VIDEO)
    assert json.loads(body) == {"max_count": 20, "cursor": 1_770_300_000_000}
    assert head["authorization"] == "Bearer act.canary"
    assert page.cursor == 1_770_210_873_000
    (video,) = page.videos
    assert (video.id, video.title) == ("7602997517160123666", "A film")
    assert video.posted_at == datetime(2026, 2, 4, 13, 14, 33, tzinfo=UTC)
    assert video.duration == timedelta(seconds=12)
    assert video.counts == {"views": 5_000_000_000, "likes": 12, "comments": 0, "shares": 3}


def test_the_first_page_is_asked_for_without_a_cursor_and_the_last_one_has_none(server, tiktok):
    plays(server, listed(A_VIDEO, cursor=1_770_210_873_000, has_more=False))
    assert tiktok.insights.listing(TOKEN, SCOPES).cursor is None
    assert json.loads(the_request(server)[2]) == {"max_count": 20}


def test_known_videos_are_asked_for_by_their_ids(server, tiktok):
    plays(server, listed(A_VIDEO))
    (video,) = tiktok.insights.counted(TOKEN, SCOPES, ids=["7602997517160123666", "8"])
    address, _, body = the_request(server)
    assert urlsplit(address).path == "/v2/video/query/"
    assert json.loads(body) == {"filters": {"video_ids": ["7602997517160123666", "8"]}}
    assert video.id == "7602997517160123666"


@pytest.mark.parametrize("ids", [[], ["1"] * 21])
def test_more_than_twenty_ids_or_none_are_not_asked_for(server, tiktok, ids):
    with pytest.raises(ValueError):
        tiktok.insights.counted(TOKEN, SCOPES, ids=ids)
    assert server.seen == []


def test_an_account_is_asked_for_its_numbers_and_nothing_else(server, tiktok):
    user = {"follower_count": 3_000_000_000, "following_count": 0, "likes_count": None}
    plays(server, ok(user=user))
    assert tiktok.insights.totals(TOKEN, SCOPES) == {"followers": 3_000_000_000, "following": 0}
    at = urlsplit(the_request(server)[0])
    assert at.path == "/v2/user/info/"
    assert parse_qs(at.query)["fields"] == [
        "follower_count,following_count,likes_count,video_count"
    ]


@pytest.mark.parametrize(
    ("call", "scopes"),
    [
        (lambda insights, scopes: insights.totals(TOKEN, scopes), ("video.list",)),
        (lambda insights, scopes: insights.listing(TOKEN, scopes), ("user.info.stats",)),
        (lambda insights, scopes: insights.counted(TOKEN, scopes, ids=["1"]), ()),
    ],
)
def test_what_was_not_granted_is_not_asked_for(server, tiktok, call, scopes):
    with pytest.raises(Rejected) as caught:
        call(tiktok.insights, scopes)
    assert caught.value.code == "scope_not_authorized"
    assert server.seen == []


@pytest.mark.parametrize("told", ["absent", None, -3, 1.5, "many", True, 2**63, [], {"a": 1}])
def test_a_number_that_is_none_is_missing_and_no_zero(server, tiktok, told):
    assert one(server, tiktok, view_count=told).counts == {"likes": 12, "comments": 0, "shares": 3}


@pytest.mark.parametrize("told", [2**31, 2**63 - 1, str(2**40)])
def test_a_large_number_is_read_whole_also_from_a_text(server, tiktok, told):
    assert one(server, tiktok, view_count=told).counts["views"] == int(told)


@pytest.mark.parametrize("told", ["absent", None, 0, -1, 10**18, "soon"])
def test_a_time_that_is_none_is_missing(server, tiktok, told):
    assert one(server, tiktok, create_time=told).posted_at is None


def test_a_caption_may_stand_in_either_of_two_fields(server, tiktok):
    assert one(server, tiktok, title="").title == "A film, described"
    assert one(server, tiktok, title="", video_description=" ").title is None
    assert one(server, tiktok, title="half\ud83d pair\0").title == "half\ufffd pair\ufffd"


def test_an_entry_without_an_id_costs_only_itself(server, tiktok):
    plays(server, listed({"like_count": 3}, "nonsense", A_VIDEO, {**A_VIDEO, "id": 7}))
    assert [video.id for video in tiktok.insights.listing(TOKEN, SCOPES).videos] == [
        A_VIDEO["id"],
        "7",
    ]


@pytest.mark.parametrize(
    "said",
    [
        ok(),
        ok(videos=None),
        ok(videos={}),
        ok(videos=[], has_more=True),
        ok(videos=[], has_more=True, cursor="soon"),
        answer(200, b"<html>all is well</html>"),
        answer(502, b""),
    ],
)
def test_an_answer_that_says_nothing_is_no_empty_list(server, tiktok, said):
    plays(server, said)
    with pytest.raises(Unavailable):
        tiktok.insights.listing(TOKEN, SCOPES)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (refuses(401, "access_token_invalid"), TokenExpired),
        (refuses(401, "scope_not_authorized"), Rejected),
        (refuses(429, "rate_limit_exceeded"), RateLimited),
    ],
)
def test_a_refusal_is_told_as_what_it_is(server, tiktok, said, kind):
    plays(server, said)
    with pytest.raises(kind):
        tiktok.insights.totals(TOKEN, SCOPES)


def test_a_question_is_repeated_once(server, tiktok):
    plays(server, answer(500, b""), listed(A_VIDEO))
    assert len(tiktok.insights.listing(TOKEN, SCOPES).videos) == 1
    assert len(server.seen) == 2
