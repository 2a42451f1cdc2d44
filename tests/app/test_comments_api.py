"""Media, comments, metrics and places of Instagram accounts over HTTP, with the sandbox behind."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.http.context import CONTAINER_KEY
from core.comments import MAX_REPLY_LENGTH
from db.comments.replies import CommentReply
from db.ops.audit import AuditEntry
from db.records.instagram_tables import IgMedia
from tests.app.conftest import BASE_SETTINGS
from tests.platforms.instagram_publishing_client import FAST_SETTINGS
from tests.support.instagram_harness import instagram_environ, run_instagram_sandbox
from tests.support.instagram_sync import build_sync_harness

WORKER_HEADERS = {"X-Worker-Secret": BASE_SETTINGS["WORKER_SECRET"]}
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def sandbox():
    yield from run_instagram_sandbox()


@pytest.fixture
def app(app_factory, sandbox):
    raw, state = sandbox
    state.settings = FAST_SETTINGS
    yield app_factory.create_app(
        **instagram_environ(raw.url, "facebook"), IG_SYNC_PER_MINUTE="1000"
    )
    state.sandbox.faults.clear()


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def api_client(make_api_client, alice):
    return make_api_client(alice)


@pytest.fixture
def mallory_client(make_api_client, make_user):
    return make_api_client(make_user("mallory@example.org"))


@pytest.fixture
def connect(app, sandbox):
    container = app.extensions[CONTAINER_KEY]

    def run(user, **options):
        return build_sync_harness(
            container.database, container.services, sandbox, user_id=user.id, **options
        )

    return run


@pytest.fixture
def sync(connect, alice):
    return connect(alice)


@pytest.fixture
def media_id(sync):
    return sync.client.post_in_app(age=600, caption="Bread")


@pytest.fixture
def comment_id(sync, media_id):
    """The platform's id of a visitor's comment that was read."""
    comment_id = sync.client.comment(media_id, "wow", is_silent=True)
    sync.enrol_and_sync()
    return comment_id


def get_data(client, path):
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.json["data"]


def error_code(response):
    return response.status_code, response.json["error"]["code"]


def post_reply(client, comment_id, message="Thanks @visitor", key=None):
    return client.post(
        f"/api/instagram/comments/{comment_id}/reply",
        json={"message": message},
        headers={} if key is None else {"Idempotency-Key": key},
    )


def own_replies(sync, media_id):
    """What the account wrote, as the sandbox knows it."""
    comments = sync.client.state.comments.values()
    account = sync.client.account.id
    return [each for each in comments if each.media_id == media_id and each.from_id == account]


def test_media_come_in_pages_newest_first_with_their_latest_metrics(api_client, sync):
    ids = [sync.client.post_in_app(age=600 * number) for number in range(1, 6)]
    sync.enrol_and_sync()
    found, cursor = [], ""
    for _ in range(3):
        page = api_client.get(f"/api/instagram/media?limit=2{cursor}").json
        found += page["data"]
        cursor = f"&cursor={page['nextCursor']}"
    assert [item["mediaId"] for item in found] == ids
    assert page["nextCursor"] is None
    first = found[0]
    assert (first["accountId"], first["postId"]) == (sync.destination_id, None)
    assert first["metrics"]["views"] > 0
    assert first["timestamp"].endswith("Z")
    assert get_data(api_client, f"/api/instagram/media?accountId={sync.destination_id}&limit=1")
    assert get_data(api_client, "/api/instagram/media?accountId=999999") == []


def test_comments_are_listed_by_account_media_and_visibility(
    api_client, sync, media_id, comment_id
):
    hidden_id = sync.client.comment(media_id, "spam", is_silent=True)
    sync.client.state.comments[hidden_id].hidden = True
    sync.make_media_due(IgMedia.comments_due_at)
    sync.sync()
    listed = get_data(api_client, "/api/instagram/comments")
    assert {item["commentId"] for item in listed} == {comment_id, hidden_id}
    (visible,) = get_data(api_client, "/api/instagram/comments?hidden=false")
    assert (visible["commentId"], visible["text"], visible["isOwn"]) == (comment_id, "wow", False)
    assert (visible["mediaId"], visible["from"]["username"]) == (media_id, "visitor")
    assert len(get_data(api_client, f"/api/instagram/comments?mediaId={media_id}")) == 2
    page = api_client.get("/api/instagram/comments?limit=1").json
    assert page["data"][0]["commentId"] == hidden_id
    rest = api_client.get(f"/api/instagram/comments?cursor={page['nextCursor']}").json
    assert [item["commentId"] for item in rest["data"]] == [comment_id]


def test_a_comment_is_hidden_and_made_visible_again(api_client, sync, comment_id):
    row_id = sync.comment(comment_id).id
    for key, hide in ((row_id, True), (comment_id, False)):
        response = api_client.post(f"/api/instagram/comments/{key}/hide", json={"hide": hide})
        assert (response.status_code, response.json["data"]["hidden"]) == (200, hide)
        assert sync.client.state.comments[comment_id].hidden is hide
        assert sync.comment(comment_id).hidden is hide


def test_a_comment_is_marked_as_handled_and_opened_again(api_client, sync, media_id, comment_id):
    other_id = sync.client.comment(media_id, "Where is the SHOP?", is_silent=True)
    sync.make_media_due(IgMedia.comments_due_at)
    sync.sync()
    path = f"/api/instagram/comments/{comment_id}/handled"
    marked = api_client.post(path, json={"handled": True}).json["data"]
    assert marked["handledAt"].endswith("Z")
    (handled,) = get_data(api_client, "/api/instagram/comments?handled=true")
    (unhandled,) = get_data(api_client, "/api/instagram/comments?handled=false&own=false&q=shop")
    assert (handled["commentId"], unhandled["commentId"]) == (comment_id, other_id)
    assert get_data(api_client, "/api/instagram/comments?q=100%25") == []
    assert api_client.post(path, json={"handled": False}).json["data"]["handledAt"] is None
    assert get_data(api_client, "/api/instagram/comments?handled=true") == []
    assert api_client.post(path, json={"handled": "yes"}).status_code == 400


def test_a_comment_is_deleted_at_the_platform_and_no_longer_listed(api_client, sync, comment_id):
    response = api_client.delete(f"/api/instagram/comments/{comment_id}")
    assert (response.status_code, response.json["data"]["deleted"]) == (200, True)
    assert comment_id not in sync.client.state.comments
    assert get_data(api_client, "/api/instagram/comments") == []
    again = api_client.delete(f"/api/instagram/comments/{comment_id}")
    assert error_code(again) == (404, "NOT_FOUND")


def test_comments_of_a_post_are_forbidden_and_allowed(api_client, sync, media_id, comment_id):
    path = f"/api/instagram/media/{media_id}/comments"
    assert api_client.post(path, json={"enabled": False}).status_code == 200
    assert sync.client.state.media[media_id].is_comment_enabled is False
    assert api_client.post(path, json={"enabled": True}).status_code == 200


def test_a_reply_is_sent_once_and_stored_as_our_own(api_client, sync, media_id, comment_id):
    response = post_reply(api_client, comment_id, key="k1")
    assert response.status_code == 200
    reply_id = response.json["data"]["replyId"]
    again = post_reply(api_client, comment_id, key="k1").json["data"]
    assert (again["replyId"], again["isRepeat"]) == (reply_id, True)
    assert [reply.id for reply in own_replies(sync, media_id)] == [reply_id]
    stored = sync.comment(reply_id)
    assert (stored.is_own, stored.parent_ig_id, stored.text) == (
        True,
        comment_id,
        "Thanks @visitor",
    )
    other = post_reply(api_client, comment_id, "another", key="k1")
    assert error_code(other) == (422, "IDEMPOTENCY_MISMATCH")
    actions = sync.all(select(AuditEntry.action).where(AuditEntry.action.like("comment.%")))
    assert actions == ["comment.reply_requested", "comment.replied"]


@pytest.mark.parametrize("key", ["k1", None])
def test_a_reply_whose_answer_was_lost_is_found_instead_of_sent_again(
    api_client, sync, media_id, comment_id, key
):
    sync.client.inject_fault("comment_reply", "drop_after")
    lost = post_reply(api_client, comment_id, key=key)
    assert error_code(lost) == (503, "reply_unconfirmed")
    assert lost.headers["Retry-After"]
    found = post_reply(api_client, comment_id, key=key)
    assert (found.status_code, found.json["data"]["isRepeat"]) == (200, True)
    assert len(own_replies(sync, media_id)) == 1
    assert [reply.state for reply in sync.replies()] == ["SENT"]


def test_a_reply_that_is_not_there_is_sent_again_only_after_a_while(
    api_client, sync, media_id, comment_id
):
    sync.client.inject_fault("comment_reply", "drop_before")
    assert error_code(post_reply(api_client, comment_id)) == (503, "reply_unconfirmed")
    assert error_code(post_reply(api_client, comment_id)) == (503, "reply_unconfirmed")
    assert own_replies(sync, media_id) == []
    sync.write(update(CommentReply).values(sent_at=func.now() - 6 * MINUTE))
    sent = post_reply(api_client, comment_id)
    assert (sent.status_code, sent.json["data"]["isRepeat"]) == (200, False)
    assert len(own_replies(sync, media_id)) == 1


def test_a_process_that_died_while_it_sent_leaves_a_reply_that_is_looked_for(
    api_client, sync, media_id, comment_id
):
    sync.client.inject_fault("comment_reply", "drop_after")
    post_reply(api_client, comment_id)
    sync.write(update(CommentReply).values(state="SENDING"))
    assert error_code(post_reply(api_client, comment_id)) == (409, "IDEMPOTENCY_IN_PROGRESS")
    sync.write(update(CommentReply).values(claimed_at=func.now() - 2 * MINUTE))
    assert post_reply(api_client, comment_id).json["data"]["isRepeat"] is True
    assert len(own_replies(sync, media_id)) == 1


def test_without_looking_a_lost_reply_would_be_sent_twice(api_client, sync, media_id, comment_id):
    """The negative control: a row that says "certainly not sent" makes the same request repeat."""
    sync.client.inject_fault("comment_reply", "drop_after")
    post_reply(api_client, comment_id)
    sync.write(update(CommentReply).values(state="FAILED", first_sent_at=None))
    assert post_reply(api_client, comment_id).status_code == 200
    assert len(own_replies(sync, media_id)) == 2


def test_a_refused_reply_may_be_sent_again_at_once(api_client, sync, media_id, comment_id):
    sync.fail_with("comment_reply", 10)
    assert error_code(post_reply(api_client, comment_id, key="k")) == (403, "permission_missing")
    assert post_reply(api_client, comment_id, key="k").status_code == 200
    assert len(own_replies(sync, media_id)) == 1


def test_a_refused_token_is_reported_and_the_reply_is_not_lost(
    api_client, sync, media_id, comment_id
):
    sync.fail_with("comment_reply", 190, 463)
    assert error_code(post_reply(api_client, comment_id)) == (503, "SERVICE_UNAVAILABLE")
    assert sync.destination.token_refused_at is not None
    assert [reply.state for reply in sync.replies()] == ["FAILED"]


@pytest.mark.parametrize("message", ["", "   ", "x" * (MAX_REPLY_LENGTH + 1)])
def test_an_empty_or_endless_reply_is_refused(api_client, sync, comment_id, message):
    assert error_code(post_reply(api_client, comment_id, message)) == (400, "VALIDATION_ERROR")
    assert sync.replies() == []


def test_media_and_comments_of_others_do_not_exist(mallory_client, api_client, sync, comment_id):
    media_id = sync.comment(comment_id).ig_media_id
    assert get_data(mallory_client, "/api/instagram/media") == []
    assert get_data(mallory_client, "/api/instagram/comments") == []
    path = f"/api/instagram/comments/{comment_id}"
    for response in (
        mallory_client.post(f"{path}/hide", json={"hide": True}),
        post_reply(mallory_client, comment_id),
        mallory_client.delete(path),
        mallory_client.post(f"{path}/handled", json={"handled": True}),
        mallory_client.post(f"/api/instagram/media/{media_id}/comments", json={"enabled": False}),
        mallory_client.get(f"/api/instagram/insights?mediaId={media_id}"),
        mallory_client.get(f"/api/instagram/insights?accountId={sync.destination_id}"),
    ):
        assert error_code(response) == (404, "NOT_FOUND")
    assert sync.client.state.comments[comment_id].hidden is False


def test_a_key_needs_the_scope(make_api_client, alice, comment_id):
    client = make_api_client(alice, "insights:read")
    assert error_code(client.get("/api/instagram/comments")) == (403, "FORBIDDEN")
    assert error_code(post_reply(client, comment_id)) == (403, "FORBIDDEN")


def test_an_account_without_the_permission_for_comments_cannot_reply(
    api_client, sync, media_id, comment_id
):
    sync.update_login(scope="instagram_basic,pages_read_engagement")
    assert error_code(post_reply(api_client, comment_id)) == (403, "scope_not_authorized")
    assert own_replies(sync, media_id) == []


def test_a_disconnected_account_cannot_reply(api_client, sync, comment_id):
    sync.update_destination(disconnected_at=func.now())
    assert error_code(post_reply(api_client, comment_id)) == (403, "not_connected")


def test_insights_have_latest_values_a_series_and_parts(api_client, sync, media_id, comment_id):
    data = get_data(api_client, "/api/instagram/insights")
    assert (data["kind"], data["accountId"]) == ("account", sync.destination_id)
    assert data["latest"]["followers"]["value"] == 500
    assert data["latest"]["profile_links_taps"] is not None
    assert set(data["audience"]["follower_demographics"]) == {"age", "city", "country", "gender"}
    account = data["account"]
    assert (account["sampled"], account["problem"]) == (True, None)
    assert len(account["daily"]["reach"]) == 7
    assert set(account["parts"]["views"]) == {"follow_type", "media_product_type"}
    reach = get_data(api_client, "/api/instagram/insights?metric=reach&step=raw")["points"]
    assert len(reach) == 7
    assert all(point["reach"] >= 0 for point in reach)
    media = get_data(api_client, f"/api/instagram/insights?mediaId={media_id}")
    assert (media["kind"], media["media"]["mediaId"]) == ("media", media_id)
    assert media["latest"]["views"]["value"] > 0
    assert media["latest"]["navigation"] is None  # not a story
    wrong = api_client.get("/api/instagram/insights?metric=impressions")
    assert error_code(wrong) == (400, "VALIDATION_ERROR")


def test_one_of_several_accounts_has_to_be_named(api_client, sync, connect, alice):
    other = connect(alice)
    response = api_client.get("/api/instagram/insights")
    assert error_code(response) == (400, "account_required")
    data = get_data(api_client, f"/api/instagram/insights?accountId={other.destination_id}")
    assert data["accountId"] == other.destination_id
    assert set(data["latest"].values()) == {None}
    assert data["audience"] is None


def test_places_are_found_by_name(api_client, sync, connect, alice, make_api_client, make_user):
    found = get_data(api_client, "/api/instagram/locations?q=café")
    assert "Café de Flore" in [place["name"] for place in found]
    nobody = make_api_client(make_user("nobody@example.org"))
    assert error_code(nobody.get("/api/instagram/locations?q=café")) == (403, "not_connected")
    missing = api_client.get("/api/instagram/locations")
    assert error_code(missing) == (400, "VALIDATION_ERROR")


def test_the_worker_reads_what_is_due_of_this_platform_only(client, sync):
    sync.client.post_in_app(age=600)
    assert client.get("/api/workers/instagram-insights").json["worker"] == "instagram-insights"
    assert client.post("/api/workers/instagram-insights").status_code == 401
    other = client.post("/api/workers/tiktok-insights", headers=WORKER_HEADERS)
    assert (other.status_code, other.json["result"]["total"]) == (200, 0)
    response = client.post("/api/workers/instagram-insights", headers=WORKER_HEADERS)
    assert response.status_code == 200
    result = response.json["result"]
    assert (result["failed"], result["errors"]) == (0, [])
    assert result["answered"] >= 5


def test_the_page_shows_open_comments_and_those_that_a_filter_names(
    sign_in, alice, sync, media_id, comment_id
):
    browser, page_path = sign_in(alice), "/platforms/instagram/comments"
    row_id = sync.comment(comment_id).id
    assert "wow" in browser.get("/comments").text
    assert "No comments match these filters." in browser.get(f"{page_path}?q=bread").text
    browser.post(f"{page_path}/{row_id}/handle")
    assert "No open comments." in browser.get(page_path).text
    assert "wow" in browser.get(f"{page_path}?show=handled").text
    assert "wow" in browser.get(f"{page_path}?show=all&q=WOW&account={sync.destination_id}").text
    french = browser.get(f"{page_path}/{row_id}?show=all", headers={"Accept-Language": "fr"}).text
    assert "Commentaire de visitor" in french
    head = french.partition('id="conversation-title"')[2].partition("</header>")[0]
    assert sync.client.account.username in head
    assert "1 new comment" in browser.get(f"{page_path}/new?than={row_id - 1}").text
    assert "new comment" not in browser.get(f"{page_path}/new?than={row_id}").text


def test_pages_of_comments_are_for_their_owner_and_need_a_token(
    sign_in, alice, make_user, sync, comment_id
):
    path = f"/platforms/instagram/comments/{sync.comment(comment_id).id}"
    mallory = sign_in(make_user("mallory2@example.org"))
    for address in (path, f"{path}/delete"):
        assert mallory.get(address).status_code == 404
    for action in ("hide", "show", "delete", "handle", "reopen", "reply"):
        assert mallory.post(f"{path}/{action}", data={"text": "x"}).status_code == 404
        assert sign_in(alice).without_csrf_token().post(f"{path}/{action}").status_code == 403
    assert sync.client.state.comments[comment_id].hidden is False


def test_the_page_takes_replies_as_long_as_the_api_does(sign_in, alice, comment_id):
    page = sign_in(alice).get(f"/platforms/instagram/comments/{comment_id}").text
    assert f'maxlength="{MAX_REPLY_LENGTH}"' in page
