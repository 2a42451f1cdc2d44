"""The Instagram sandbox's comments: order, threads, moderation, events, mentions."""

import json

import pytest

from tests.platforms.instagram_reading_client import add_reader, run_reading_server

ALL_LOGINS = ("page", "user", "instagram")


@pytest.fixture(scope="module")
def server():
    with run_reading_server() as running:
        yield running


@pytest.fixture
def reader(server):
    yield add_reader(server)
    server[0].control("faults", method="DELETE")


def texts_of(answer):
    assert answer.status == 200, answer.json
    return [item["text"] for item in answer.json["data"]]


@pytest.mark.parametrize("login", ALL_LOGINS)
def test_comments_come_newest_first_with_three_fields(reader, login):
    media_id = reader.post_in_app()
    for second, text in enumerate(("one", "two", "three")):
        reader.comment(media_id, text, created_at=1_000.0 + second)
    answer = reader.list_comments(media_id, login)
    assert texts_of(answer) == ["three", "two", "one"]
    assert set(answer.json["data"][0]) == {"timestamp", "text", "id"}
    assert answer.json["data"][2]["timestamp"] == "1970-01-01T00:16:40+0000"


def test_at_most_fifty_comments_come_and_the_next_page_has_the_rest(reader):
    media_id = reader.post_in_app()
    for number in range(53):
        reader.comment(media_id, f"{number}", created_at=1_000.0 + number, is_silent=True)
    first = reader.list_comments(media_id, limit=100).json
    assert len(first["data"]) == 50
    assert "access_token" not in first["paging"]["next"]
    rest = reader.list_comments(media_id, after=first["paging"]["cursors"]["after"])
    assert texts_of(rest) == ["2", "1", "0"]
    assert "next" not in rest.json["paging"]


def test_media_expand_their_comments_and_insights(reader):
    media_id = reader.post_in_app()
    for text in ("one", "two"):
        reader.comment(media_id, text, is_silent=True)
    fields = "id,comments.limit(1){text},insights.metric(reach,comments){name,values}"
    node = reader.read(media_id, fields).json
    assert [each["text"] for each in node["comments"]["data"]] == ["two"]
    assert [each["name"] for each in node["insights"]["data"]] == ["reach", "comments"]
    assert "comments" not in reader.read(reader.post_in_app(), "comments{text}").json
    answer = reader.read(media_id, "id,insights.metric(plays)")
    assert answer.error == (400, 100, None)


def test_paging_may_be_absent_as_in_the_documentation(reader):
    media_id = reader.post_in_app()
    reader.comment(media_id)
    reader.change_settings(comment_paging=False)
    assert "paging" not in reader.list_comments(media_id).json


def test_replies_are_hidden_unless_they_are_expanded(reader):
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id, "first")
    reader.comment(media_id, "second", parent_id=comment_id)
    (plain,) = reader.list_comments(media_id, fields="text,replies{text,parent_id}").json["data"]
    (reply,) = plain["replies"]["data"]
    assert (plain["text"], reply["text"], reply["parent_id"]) == ("first", "second", comment_id)
    assert texts_of(reader.list_comments(media_id)) == ["first"]
    assert texts_of(reader.call("GET", f"/{comment_id}/replies")) == ["second"]


@pytest.mark.parametrize("login", ALL_LOGINS)
def test_a_reply_to_a_reply_is_refused(reader, login):
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id)
    reply_id = reader.call("POST", f"/{comment_id}/replies", login, message="thanks").id
    answer = reader.call("POST", f"/{reply_id}/replies", login, message="again")
    assert answer.error == (400, 100, None)
    assert len(reader.stored_comments(media_id)) == 2


@pytest.mark.parametrize("edge", ["comments", "replies"])
def test_fields_in_a_post_create_the_comment_and_are_refused(reader, edge):
    media_id = reader.post_in_app()
    node_id = media_id if edge == "comments" else reader.comment(media_id)
    before = len(reader.stored_comments(media_id))
    answer = reader.call("POST", f"/{node_id}/{edge}", message="thanks", fields="id,text")
    assert answer.error == (400, 20, 1772107)
    assert len(reader.stored_comments(media_id)) == before + 1


def test_a_comment_needs_a_message_and_media_that_takes_comments(reader):
    media_id = reader.post_in_app()
    assert reader.call("POST", f"/{media_id}/comments").error == (400, 100, None)
    reader.call("POST", f"/{media_id}", comment_enabled="false")
    answer = reader.call("POST", f"/{media_id}/comments", message="hello")
    assert answer.error == (400, 100, None)
    assert reader.stored_comments(media_id) == []


def test_own_comments_carry_the_account_as_user(reader):
    media_id = reader.post_in_app()
    reader.comment(media_id, "theirs")
    own_id = reader.call("POST", f"/{media_id}/comments", "instagram", message="ours").id
    nodes = reader.list_comments(media_id, fields="text,username,from,user").json["data"]
    by_text = {node["text"]: node for node in nodes}
    assert by_text["ours"]["id"] == own_id
    assert by_text["ours"]["user"] == {"id": reader.account.id}
    assert by_text["ours"]["from"]["id"] == reader.account.id
    assert "user" not in by_text["theirs"]
    assert by_text["theirs"]["username"] == "visitor"


def test_names_of_authors_need_the_permission_to_moderate(reader):
    comment_id = reader.comment(reader.post_in_app())
    fields = "text,username,from,like_count"
    assert "username" in reader.read(comment_id, fields).json
    reader.grant_scopes("instagram_basic", "pages_read_engagement")
    assert set(reader.read(comment_id, fields).json) == {"id", "text", "like_count"}


def test_lists_of_comments_need_the_permission(reader):
    media_id = reader.post_in_app()
    reader.grant_scopes("instagram_business_basic", login="instagram")
    assert reader.list_comments(media_id, "instagram").error == (400, 10, None)


def test_an_unknown_field_fails_the_whole_request(reader):
    comment_id = reader.comment(reader.post_in_app())
    answer = reader.read(comment_id, "text,message")
    assert answer.error == (400, 100, None)
    assert "nonexisting field (message)" in answer.message


def test_a_comment_is_hidden_and_made_visible_again(reader):
    comment_id = reader.comment(reader.post_in_app())
    assert reader.call("POST", f"/{comment_id}", hide="true").json == {"success": True}
    assert reader.read(comment_id, "hidden").json["hidden"] is True
    reader.call("POST", f"/{comment_id}", hide="false")
    assert reader.read(comment_id, "hidden").json["hidden"] is False
    assert reader.call("POST", f"/{comment_id}").error == (400, 100, None)
    assert reader.call("POST", f"/{comment_id}", hide="perhaps").error == (400, 100, None)


def test_own_comments_always_stay_visible(reader):
    own_id = reader.call("POST", f"/{reader.post_in_app()}/comments", message="ours").id
    assert reader.call("POST", f"/{own_id}", hide="true").json == {"success": True}
    assert reader.read(own_id, "hidden").json["hidden"] is False


def test_a_deleted_comment_takes_its_replies_with_it(reader):
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id)
    reader.comment(media_id, "reply", parent_id=comment_id)
    assert reader.call("DELETE", f"/{comment_id}").json == {"success": True}
    assert reader.stored_comments(media_id) == []
    assert reader.read(comment_id).error == (400, 100, 33)


def test_comments_of_other_accounts_do_not_exist(server, reader):
    other = add_reader(server)
    comment_id = other.comment(other.post_in_app())
    for method, params in (("GET", {}), ("POST", {"hide": "true"}), ("DELETE", {})):
        answer = reader.call(method, f"/{comment_id}", **params)
        assert answer.error == (400, 100, 33)


def test_comments_of_restricted_people_are_withheld_until_they_are_approved(reader):
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id, is_withheld=True)
    assert texts_of(reader.list_comments(media_id)) == []
    assert reader.read(comment_id).error == (400, 100, 33)
    reader.control(f"comments/{comment_id}", is_withheld=False)
    assert texts_of(reader.list_comments(media_id)) == ["wow"]


def test_a_visitor_comment_is_delivered(reader):
    reader.subscribe()
    media_id = reader.post_reel()
    parent_id = reader.comment(media_id, "first")
    change, headers = reader.wait_for_change("comments")
    assert "X-Hub-Signature-256" in headers
    assert change["value"]["id"] == parent_id
    assert change["value"]["media"] == {"id": media_id, "media_product_type": "REELS"}
    assert change["value"]["from"]["username"] == "visitor"
    assert "parent_id" not in change["value"]
    reply_id = reader.comment(media_id, "second", parent_id=parent_id)
    change = next_comment(reader, reply_id)
    assert change["value"]["parent_id"] == parent_id


def next_comment(reader, comment_id):
    while True:
        change, _ = reader.wait_for_change("comments")
        if change["value"]["id"] == comment_id:
            return change


def test_own_replies_come_back_as_events(reader):
    reader.subscribe()
    comment_id = reader.comment(reader.post_in_app(), is_silent=True)
    reply_id = reader.call("POST", f"/{comment_id}/replies", message="thanks").id
    change = next_comment(reader, reply_id)
    assert change["value"]["from"]["id"] == reader.account.id


def test_changes_and_removals_send_no_event(reader):
    reader.subscribe()
    media_id = reader.post_in_app()
    comment_id = reader.comment(media_id)
    reader.wait_for_change("comments")
    reader.control(f"comments/{comment_id}", text="edited")
    reader.control(f"comments/{comment_id}", method="DELETE")
    last_id = reader.comment(media_id, "last")
    received = set()
    while last_id not in received:
        received.add(reader.wait_for_change("comments")[0]["value"]["id"])
    assert received <= {comment_id, last_id}
    texts = {each["text"] for each in reader.stored_comments(media_id)}
    assert texts == {"last"}


def test_a_mentioning_comment_is_read_by_its_own_field_only(reader):
    reader.subscribe()
    ids = reader.control("mentions", account_id=reader.account.id, text="hey")
    change, _ = reader.wait_for_change("mentions")
    assert change["value"] == {"comment_id": ids["comment_id"], "media_id": ids["media_id"]}
    field = f"mentioned_comment.comment_id({ids['comment_id']}){{text,media{{id,caption}}}}"
    found = reader.read(reader.account.id, field).json["mentioned_comment"]
    assert (found["text"], found["media"]["id"]) == ("hey", ids["media_id"])
    assert reader.read(ids["comment_id"]).error == (400, 100, 33)
    answer = reader.read(reader.account.id, field, "instagram")
    assert answer.error in {(400, 100, None), (400, 100, 33)}


def test_a_mention_in_a_caption_is_answered_on_its_media(reader):
    media_id = reader.control("mentions", account_id=reader.account.id)["media_id"]
    field = f"mentioned_media.media_id({media_id}){{caption,comments_count}}"
    found = reader.read(reader.account.id, field).json["mentioned_media"]
    assert found["caption"] == f"with @{reader.account.username}"
    path = f"/{reader.account.id}/mentions"
    answer = reader.call("POST", path, media_id=media_id, message="thanks")
    assert reader.read(answer.id, "text").json["text"] == "thanks"
    assert reader.read(reader.account.id, field).json["mentioned_media"]["comments_count"] == 1


def test_who_is_not_mentioned_neither_reads_nor_answers(server, reader):
    other = add_reader(server)
    media_id = other.control("mentions", account_id=other.account.id)["media_id"]
    field = f"mentioned_media.media_id({media_id}){{caption}}"
    assert reader.read(reader.account.id, field).error == (400, 100, 33)
    path = f"/{reader.account.id}/mentions"
    answer = reader.call("POST", path, media_id=media_id, message="hello")
    assert answer.error == (400, 100, 33)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("comments", {"text": "no media"}),
        ("comments", {"media_id": "1", "txt": "typo"}),
        ("metrics", {"id": "1"}),
        ("mentions", {"account_id": "1"}),
        ("usage", {"account_id": "1", "percent": 5}),
    ],
)
def test_controls_refuse_unknown_names_and_ids(reader, path, body):
    answer = reader.raw.send("POST", f"/_sandbox/instagram/{path}", json.dumps(body), {})
    assert answer.status in {400, 404}
