"""Comments of an Instagram account: lists, single ones, mentions, replies, moderation."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from platforms.comments import PlatformComment
from platforms.errors import (
    MisdirectedResponse,
    NotReadable,
    OutcomeUnknown,
    Rejected,
    Unavailable,
    UnreadableResponse,
)
from platforms.insights_base import AccountAccess
from platforms.instagram.comments import InstagramComments
from platforms.instagram.graph import GraphClient
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.instagram_reading import make_app


def json_response(body):
    return http_response(200, json.dumps(body).encode())


def find_listed(reader, media_id):
    page = reader.comments.list_comments(media_id, reader.token)
    return {comment.id: comment for comment in page.comments}


@pytest.fixture(params=["facebook", "instagram"])
def reader(request):
    return request.getfixturevalue(f"{request.param}_reader")


def test_comments_come_newest_first_in_pages_with_their_replies(reader):
    media_id = reader.post_in_app()
    ids = [reader.write_comment(media_id, f"number {number}") for number in range(60)]
    reply_id = reader.write_comment(media_id, "a reply", parent_id=ids[-1])
    first = reader.comments.list_comments(media_id, reader.token)
    rest = reader.comments.list_comments(media_id, reader.token, cursor=first.next_cursor)
    assert (len(first.comments), len(rest.comments), rest.next_cursor) == (50, 10, None)
    assert {comment.id for comment in (*first.comments, *rest.comments)} == set(ids)
    threads = {comment.id: comment for comment in first.comments}
    (reply,) = threads[ids[-1]].replies
    assert (reply.id, reply.parent_id, reply.post_id) == (reply_id, ids[-1], media_id)
    comment = threads[ids[-1]]
    assert (comment.post_id, comment.text, comment.author_name) == (
        media_id,
        "number 59",
        "visitor",
    )
    assert (comment.is_own, comment.is_hidden, comment.like_count) == (False, False, 0)
    assert abs(comment.written_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_replies_beyond_the_first_fifty_are_fetched_too(server, http):
    """The sandbox has no paging inside an expansion; Meta's answers have."""
    reply = {"id": "11", "text": "first", "from": {"id": "5"}}
    more = {"id": "12", "text": "second", "from": {"id": "5"}}
    paging = {"cursors": {"after": "QVFI1"}, "next": "https://graph.facebook.com/x?after=QVFI1"}
    replies = {"data": [reply], "paging": paging}
    set_responses(
        server,
        json_response({"data": [{"id": "1", "replies": replies}]}),
        json_response({"data": [reply, more]}),
    )
    comments = make_hostile_comments(server, http)
    (comment,) = comments.list_comments("9", Secret("token")).comments
    assert [(each.id, each.parent_id) for each in comment.replies] == [("11", "1"), ("12", "1")]


def make_hostile_comments(server, http):
    return InstagramComments(GraphClient(make_app(server.url, "facebook"), http))


def test_a_list_without_paging_is_a_single_page(reader):
    reader.client.change_settings(comment_paging=False)
    media_id = reader.post_in_app()
    reader.write_comment(media_id)
    assert reader.comments.list_comments(media_id, reader.token).next_cursor is None


def test_a_cursor_that_leads_to_itself_ends_the_list(server, http):
    paging = {"cursors": {"after": "A"}, "next": "https://graph.facebook.com/x?after=A"}
    set_responses(server, json_response({"data": [], "paging": paging}))
    page = make_hostile_comments(server, http).list_comments("9", Secret("token"), cursor="A")
    assert page.next_cursor is None


@pytest.mark.parametrize(
    "body", [{}, {"data": None}, {"data": {}}, {"data": "no list"}, {"data": [1, "x"]}]
)
def test_an_answer_without_a_list_is_not_an_empty_list(server, http, body):
    set_responses(server, *[json_response(body)] * 5)
    comments = make_hostile_comments(server, http)
    with pytest.raises(UnreadableResponse):
        comments.list_comments("9", Secret("token"))


@pytest.mark.parametrize(
    "kind",
    ["numbers_as_text", "flags_as_text", "flags_as_numbers", "nested_json", "lists_as_values"],
)
def test_odd_shapes_of_comments_are_read_alike(reader, kind):
    media_id = reader.post_in_app()
    comment_id = reader.write_comment(media_id, "hello", like_count=3, hidden=True)
    expected = find_listed(reader, media_id)[comment_id]
    assert (expected.like_count, expected.is_hidden) == (3, True)
    reader.client.inject_fault("comment_list", kind)
    assert find_listed(reader, media_id)[comment_id] == expected


def test_what_a_comment_lacks_is_not_said(reader):
    media_id = reader.post_in_app()
    comment_id = reader.write_comment(media_id)
    names = ("text", "timestamp", "from", "username", "hidden", "like_count")
    reader.client.inject_fault("comment_list", "missing_fields", fields=dict.fromkeys(names, ""))
    assert find_listed(reader, media_id)[comment_id] == PlatformComment(comment_id, media_id)


def test_authors_are_unknown_without_the_permission_to_moderate(facebook_reader):
    media_id = facebook_reader.post_in_app()
    comment_id = facebook_reader.write_comment(media_id)
    fields = {"from": "", "username": "", "user": ""}
    facebook_reader.client.inject_fault("comment_list", "missing_fields", fields=fields)
    comment = find_listed(facebook_reader, media_id)[comment_id]
    assert (comment.author_id, comment.is_own) == (None, None)


def test_a_single_comment_is_read_and_none_is_returned_for_one_that_is_gone(reader):
    media_id, account_id = reader.post_in_app(), reader.client.account.id
    comment_id = reader.write_comment(media_id, "hello")
    comment = reader.comments.fetch_comment(comment_id, reader.token, account_id=account_id)
    assert (comment.id, comment.post_id, comment.text) == (comment_id, media_id, "hello")
    assert reader.comments.fetch_comment("1790", reader.token, account_id=account_id) is None


def test_the_comment_of_another_id_is_refused(reader):
    comment_id = reader.write_comment(reader.post_in_app())
    reader.client.inject_fault("comment_node", "other_values", fields={"id": "1799"})
    with pytest.raises(MisdirectedResponse):
        reader.comments.fetch_comment(comment_id, reader.token, account_id="1")


def test_what_a_page_token_cannot_read_is_read_with_the_users_token(facebook_reader):
    reader = facebook_reader
    media_id = reader.post_in_app()
    comment_id = reader.write_comment(media_id)
    reader.client.change_settings(page_token_outage=True)
    with pytest.raises(NotReadable):
        reader.comments.list_comments(media_id, reader.token)
    page = reader.comments.list_comments(media_id, reader.token, fallback_token=reader.user_token)
    assert [comment.id for comment in page.comments] == [comment_id]


def test_a_mention_in_a_comment_is_read_through_the_account(facebook_reader):
    reader = facebook_reader
    account_id = reader.client.account.id
    mention = reader.control("mentions", account_id=account_id, text="look at @shop")
    comment = reader.comments.fetch_comment(
        mention["comment_id"], reader.token, account_id=account_id, is_mention=True
    )
    assert (comment.text, comment.post_id) == ("look at @shop", mention["media_id"])
    assert (
        reader.comments.fetch_comment(mention["comment_id"], reader.token, account_id=account_id)
        is None
    )  # negative control: its own node cannot be read


def test_a_mention_in_a_caption_is_read_through_the_account(facebook_reader):
    reader = facebook_reader
    account_id = reader.client.account.id
    media_id = reader.control("mentions", account_id=account_id, caption="with us")["media_id"]
    post = reader.comments.fetch_mentioned_post(media_id, reader.token, account_id=account_id)
    assert (post.id, post.text) == (media_id, "with us")
    for other in ("180", "1){id},x(2"):
        found = reader.comments.fetch_mentioned_post(other, reader.token, account_id=account_id)
        assert found is None


def test_instagram_login_has_no_reading_of_mentions(instagram_reader):
    reader = instagram_reader
    comment_id = reader.write_comment(reader.post_in_app(), "@shop")
    found = reader.comments.fetch_comment(
        comment_id, reader.token, account_id=reader.client.account.id, is_mention=True
    )
    assert found.id == comment_id
    assert reader.comments.fetch_mentioned_post("1", reader.token, account_id="1") is None


def test_a_reply_goes_to_the_thread_and_is_found_again(reader):
    media_id, begun_at = reader.post_in_app(), datetime.now(UTC)
    comment_id = reader.write_comment(media_id)
    comment = find_listed(reader, media_id)[comment_id]
    reply_id = reader.comments.reply(comment, "@visitor  thanks!", reader.token)
    (reply,) = find_listed(reader, media_id)[comment_id].replies
    assert (reply.id, reply.is_own) == (reply_id, True)
    answer_id = reader.comments.reply(reply, "and more", reader.token)
    assert len(find_listed(reader, media_id)[comment_id].replies) == 2

    def find(text, since=begun_at, to=comment):
        return reader.comments.find_own_reply(to, text, reader.token, since=since)

    assert find("visitor thanks!") == reply_id
    assert find("and more", to=reply) == answer_id
    assert find("something else") is None
    assert find("and more", since=begun_at + timedelta(minutes=5)) is None


def test_a_visitors_reply_with_the_same_text_is_not_ours(reader):
    media_id, begun_at = reader.post_in_app(), datetime.now(UTC)
    comment_id = reader.write_comment(media_id)
    reader.write_comment(media_id, "thanks!", parent_id=comment_id)
    found = reader.comments.find_own_reply(
        PlatformComment(comment_id), "thanks!", reader.token, since=begun_at
    )
    assert found is None


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_a_reply_whose_answer_was_lost_is_not_repeated_but_looked_for(reader, kind):
    media_id, begun_at = reader.post_in_app(), datetime.now(UTC)
    comment = PlatformComment(reader.write_comment(media_id), media_id)
    reader.client.inject_fault("comment_reply", kind)
    with reader.count_calls("comment_reply") as calls, pytest.raises(Unavailable):
        reader.comments.reply(comment, "once", reader.token)
    assert len(calls) == 1
    found = reader.comments.find_own_reply(comment, "once", reader.token, since=begun_at)
    assert (found is not None) == (kind == "drop_after")


def test_a_reply_that_was_made_and_then_refused_may_have_been_posted(reader):
    comment = PlatformComment(reader.write_comment(reader.post_in_app()))
    reader.fail_with("comment_reply", 20, 1772107)
    with pytest.raises(OutcomeUnknown):
        reader.comments.reply(comment, "once", reader.token)


def test_comments_are_hidden_and_made_visible_again(reader):
    media_id = reader.post_in_app()
    comment_id = reader.write_comment(media_id)
    for is_hidden in (True, False):
        reader.comments.set_hidden(comment_id, is_hidden, reader.token)
        assert find_listed(reader, media_id)[comment_id].is_hidden is is_hidden


def test_a_deleted_comment_is_gone_and_deleting_it_again_is_no_error(reader):
    media_id = reader.post_in_app()
    comment_id = reader.write_comment(media_id)
    for _ in range(2):
        reader.comments.delete(comment_id, reader.token)
    assert find_listed(reader, media_id) == {}


def test_comments_on_a_post_are_switched_off(reader):
    media_id = reader.post_in_app()
    reader.comments.set_enabled(media_id, False, reader.token)
    (item,) = reader.media.fetch_items(reader.access, ids=[media_id])
    assert item.is_comment_enabled is False


def test_a_change_that_was_not_made_is_an_error(reader):
    comment_id = reader.write_comment(reader.post_in_app())
    reader.client.inject_fault("comment_hide", "other_values", fields={"success": False})
    with pytest.raises(Rejected):
        reader.comments.set_hidden(comment_id, True, reader.token)


def test_no_token_is_in_a_url_or_in_what_is_printed(server, http):
    token, comments = Secret("canary"), make_hostile_comments(server, http)
    set_responses(server, json_response({"data": [], "success": True, "id": "5"}))
    comment = PlatformComment("7", parent_id="8/../../me?x=")
    comments.list_comments("9", token)
    comments.reply(comment, "hello", token)
    comments.set_hidden("7", True, token)
    comments.delete("7", token)
    paths = [path for path, _body in server.requests]
    assert len(paths) == 4
    assert not any("canary" in path for path in paths)
    assert all(headers["authorization"] == "Bearer canary" for headers in server.request_headers)
    assert paths[1].endswith("/v26.0/8%2F..%2F..%2Fme%3Fx%3D/replies")  # an id leads nowhere else
    assert "fields" not in server.requests[1][1].decode()
    assert "canary" not in repr(comments) + repr(AccountAccess(token))
