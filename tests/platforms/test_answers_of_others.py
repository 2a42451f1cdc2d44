"""What an answer says of whom or what it is about is compared with what was asked.

Each answer is otherwise right; the negative control is the same answer about what was asked, and
one that says nothing of it.
"""

from datetime import UTC, datetime

import pytest

from platforms.comments import PlatformComment
from platforms.errors import MisdirectedResponse
from platforms.insights_base import AccountAccess
from platforms.instagram.comments import InstagramComments
from platforms.instagram.container_calls import PublishingCalls
from platforms.instagram.debug_token import debug_token
from platforms.instagram.media import InstagramMedia
from platforms.secret import Secret
from tests.platforms.hostile_server import set_responses
from tests.platforms.instagram_login_client import json_response, make_graph
from tests.platforms.tiktok_responses import ok_response

TOKEN, OTHER = Secret("EAAuser"), "99"
TIKTOK_SCOPES = ("user.info.basic", "user.info.stats", "video.list")
OPEN_ID, ACCOUNT, MEDIA, THREAD = "-000A", "17841", "17900", "17950"
NOTHING_NAMED = (None, 0, "0", "", "null", [], {})
VIDEO, NODE = {"id": "7", "view_count": 1}, {"id": MEDIA}
REPLY = {"id": "17951", "text": "thanks", "timestamp": "2026-11-29T10:00:00+0000"}
SINCE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def graph(server):
    return make_graph(server.url, "facebook")


@pytest.fixture
def calls(server, tiktok, graph):
    """Name → what to ask, and the answer in which something names the subject."""
    access = AccountAccess(TOKEN, TIKTOK_SCOPES, OPEN_ID)
    reader = AccountAccess(TOKEN, ("instagram_basic",), ACCOUNT)
    comments, media = InstagramComments(graph), InstagramMedia(graph)
    publishing = PublishingCalls(graph, ACCOUNT, TOKEN)
    comment = PlatformComment(THREAD, post_id=MEDIA)
    insights = tiktok.insights
    return {
        "totals of an account": (
            OPEN_ID,
            lambda: insights.fetch_account_totals(access),
            lambda named: ok_response(user={"open_id": named, "follower_count": 3}),
        ),
        "videos of an account": (
            OPEN_ID,
            lambda: insights.fetch_item_page(access),
            lambda named: ok_response(videos=[VIDEO], open_id=named),
        ),
        "videos by their ids": (
            OPEN_ID,
            lambda: insights.fetch_items(access, ids=["7"]),
            lambda named: ok_response(videos=[VIDEO], open_id=named),
        ),
        "media of an account": (
            ACCOUNT,
            lambda: media.fetch_item_page(reader),
            lambda named: json_response(data=[{**NODE, "owner": {"id": named}}]),
        ),
        "media of an account, named by an id alone": (
            ACCOUNT,
            lambda: media.fetch_item_page(reader),
            lambda named: json_response(data=[{**NODE, "owner": named}]),
        ),
        "recent posts": (
            ACCOUNT,
            lambda: publishing.list_recent_posts("IMAGE", SINCE),
            lambda named: json_response(data=[{**NODE, "owner": {"id": named}}]),
        ),
        "comments on media": (
            MEDIA,
            lambda: comments.list_comments(MEDIA, TOKEN),
            lambda named: json_response(data=[{"id": THREAD, "media": {"id": named}}]),
        ),
        "replies within a list of comments": (
            THREAD,
            lambda: comments.list_comments(MEDIA, TOKEN),
            lambda named: json_response(
                data=[{"id": THREAD, "replies": {"data": [{**REPLY, "parent_id": named}]}}]
            ),
        ),
        "replies of a thread": (
            THREAD,
            lambda: comments.find_own_reply(comment, "thanks", TOKEN, since=SINCE),
            lambda named: json_response(data=[{**REPLY, "parent_id": named}]),
        ),
        "the status of a container": (
            "17930",
            lambda: publishing.fetch_container("17930"),
            lambda named: json_response(id=named, status_code="FINISHED"),
        ),
        "the app of a token": (
            "1021",
            lambda: debug_token(graph, TOKEN),
            lambda named: json_response(data={"is_valid": True, "app_id": named}),
        ),
    }


NAMES = (
    *("totals of an account", "videos of an account", "videos by their ids", "media of an account"),
    *("media of an account, named by an id alone", "recent posts", "comments on media"),
    *("replies within a list of comments", "replies of a thread", "the status of a container"),
    "the app of a token",
)


def test_every_call_is_tried(calls):
    assert set(calls) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_about_another_subject_is_refused(server, calls, name):
    _, ask, answer = calls[name]
    set_responses(server, *[answer(OTHER)] * 4)
    with pytest.raises(MisdirectedResponse) as caught:
        ask()
    assert (caught.value.retryable, caught.value.code) == (True, "INVALID_RESPONSE")


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_about_the_subject_or_without_one_is_used(server, calls, name):
    subject, ask, answer = calls[name]
    for named in (subject, *NOTHING_NAMED):
        set_responses(server, answer(named))
        ask()


def test_a_number_names_the_same_as_its_digits(server, calls):
    _, ask, answer = calls["media of an account"]
    set_responses(server, answer(int(ACCOUNT)))
    assert [item.id for item in ask().items] == [MEDIA]


@pytest.mark.parametrize(
    ("url", "is_refused"),
    [
        ("https://rupload.facebook.com/ig-api-upload/v26.0/17930", False),
        ("https://rupload.facebook.com/ig-api-upload/v26.0/token", False),
        ("https://rupload.facebook.com/ig-api-upload/v26.0/17931", True),
    ],
)
def test_bytes_are_not_sent_to_the_container_of_another_post(server, graph, url, is_refused):
    calls = PublishingCalls(graph, ACCOUNT, TOKEN)
    set_responses(server, json_response(id="17930", uri=url))
    if is_refused:
        with pytest.raises(MisdirectedResponse) as caught:
            calls.create_container({})
        assert "17931" not in str(caught.value)
    else:
        assert calls.create_container({}).upload_url == Secret(url)
