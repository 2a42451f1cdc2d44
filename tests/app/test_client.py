"""The Python client against a running server: lost answers, waits, lists, posts, people."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import requests

from db.posts.posts import Post
from signalpost_client import (
    ApiError,
    Client,
    ConnectionLost,
    FollowTimeout,
    RepeatPolicy,
    errors,
)
from tests.app.client_fixtures import alice, alice_client, app, open_client, pauses
from tests.support.faulty_server import FaultyServer
from tests.support.row_factory import RowFactory

__all__ = ["alice", "alice_client", "app", "open_client", "pauses"]  # fixtures

VIDEO_URL = "https://example.org/video"
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def account_id(container, alice):
    return RowFactory(container.database, container.services.key_ring).create_account(alice.id)


def count_posts(container):
    with container.database.transaction() as session:
        return session.query(Post).count()


def test_a_post_whose_answer_was_lost_is_requested_once(
    serve_app, app, open_client, account_id, container
):
    server = FaultyServer(app, "POST", "answer")
    client = open_client(serve_app(server))
    post = client.posts.create(
        account_id=account_id, text="a", media=[VIDEO_URL], publish_at=TOMORROW
    )
    assert len(server.requests) == 2
    assert len({*server.requests}) == 1
    assert server.requests[0]
    assert count_posts(container) == 1
    assert client.posts.get(post["id"])["state"] == "QUEUED"


def test_without_repetitions_a_lost_answer_is_an_error(
    serve_app, app, open_client, account_id, container
):
    url = serve_app(FaultyServer(app, "POST", "answer"))
    client = open_client(url, repeats=RepeatPolicy(max_repeats=0))
    with pytest.raises(ConnectionLost) as lost:
        client.posts.create(account_id=account_id, text="a", media=[VIDEO_URL], publish_at=TOMORROW)
    assert lost.value.may_have_arrived
    assert count_posts(container) == 1


def test_what_may_have_been_done_is_not_repeated_without_a_key(serve_app, app, open_client):
    server = FaultyServer(app, "POST", "answer")
    with pytest.raises(ConnectionLost):
        open_client(serve_app(server)).endpoints.create("https://app.example.org/hook")
    assert len(server.requests) == 1


def test_a_refusal_that_names_a_time_is_repeated_then(serve_app, app, open_client, pauses):
    refusal = (
        "429 Too Many",
        [("Retry-After", "7")],
        b'{"error": {"code": "x", "retryable": true}}',
    )
    client = open_client(serve_app(FaultyServer(app, "GET", refusal, ("503 Busy", [], b""))))
    assert client.identity.get_user()["email"] == "alice@example.org"
    assert pauses[0] == 7.0
    assert 0.5 <= pauses[1] <= 1.0


@pytest.mark.parametrize("headers", [[("Retry-After", "3600")], []], ids=["hours", "no time"])
def test_a_quota_is_raised_at_once(serve_app, app, open_client, pauses, headers):
    body = b'{"error": {"code": "quota_exceeded", "retryable": true, "requestId": "r1"}}'
    client = open_client(serve_app(FaultyServer(app, "GET", ("429 Too Many", headers, body))))
    with pytest.raises(errors.QuotaUsedUp) as refused:
        client.identity.get_user()
    assert refused.value.request_id == "r1"
    assert refused.value.retry_after == (3600 if headers else None)
    assert pauses == []


def test_an_unreachable_server_is_tried_again_for_every_call(open_client, pauses):
    with pytest.raises(ConnectionLost) as lost:
        open_client("http://127.0.0.1:1").endpoints.create("https://app.example.org/hook")
    assert not lost.value.may_have_arrived
    assert len(pauses) == 5


def test_an_error_has_the_code_and_the_words_of_the_server(server_url, open_client):
    with pytest.raises(errors.ResourceNotFound) as refused:
        open_client(server_url, language="fr").posts.get(7)
    assert (refused.value.code, refused.value.status) == ("NOT_FOUND", 404)
    assert "trouvé" in refused.value.user_message
    assert refused.value.request_id


def test_a_page_of_a_proxy_is_no_answer(serve_app, app, open_client):
    client = open_client(serve_app(FaultyServer(app, "GET", ("404 Not Found", [], b"<html>"))))
    with pytest.raises(errors.UnexpectedResponse, match="GET /api/auth/me was answered with 404"):
        client.identity.get_user()


def test_a_redirect_is_named_and_not_followed_with_the_key(serve_app, app, open_client):
    redirect = ("308 Moved", [("Location", "https://other.example/api/auth/me")], b"")
    server = FaultyServer(app, "GET", redirect)
    with pytest.raises(errors.UnexpectedResponse, match=r"redirected to https://other\.example/"):
        open_client(serve_app(server)).identity.get_user()
    assert len(server.requests) == 1


def test_a_list_is_read_page_by_page(alice_client, account_id):
    ids = [
        alice_client.posts.create(
            account_id=account_id, text="a", media=[VIDEO_URL], publish_at=TOMORROW
        )["id"]
        for _ in range(3)
    ]
    listed = alice_client.posts.list(state="QUEUED", page_size=2)
    assert [post["id"] for post in listed] == ids[::-1]
    assert [len(page.rows) for page in listed.pages()] == [2, 1]


def test_posts_of_a_group_are_requested_once_and_found_together(
    alice_client, account_id, container
):
    group_id = uuid4()
    contents = [
        {"account_id": account_id, "media": [VIDEO_URL], "text": text, "publish_at": TOMORROW}
        for text in ("first", "second")
    ]
    made = [alice_client.groups.create(group_id, contents) for _ in range(2)]
    assert [post["id"] for post in made[0]] == [post["id"] for post in made[1]]
    assert count_posts(container) == 2
    found = alice_client.groups.list_posts(group_id)
    assert [post["title"] for post in found] == ["second", "first"]


def test_a_post_is_moved_cancelled_and_tried_again(alice_client, account_id):
    post = alice_client.posts.create(
        account_id=account_id, text="a", media=[VIDEO_URL], publish_at=TOMORROW
    )
    later = TOMORROW + timedelta(hours=1)
    moved = alice_client.posts.reschedule(post["id"], later)
    assert datetime.fromisoformat(moved["publish_at"]) == later
    assert alice_client.posts.edit(post["id"], title="Another")["title"] == "Another"
    with pytest.raises(FollowTimeout) as late:
        alice_client.posts.wait_until_final(post["id"], timeout=0)
    assert late.value.post["id"] == post["id"]
    alice_client.posts.cancel(post["id"])
    assert alice_client.posts.wait_until_final(post["id"])["state"] == "CANCELLED"
    again = alice_client.posts.retry(post["id"])
    assert (again["retry_of"], again["id"] > post["id"]) == (post["id"], True)


def test_a_post_is_followed_through_its_changes(server_url, alice, make_api_key, account_id):
    def cancel_post(_seconds):
        client.posts.cancel(post["id"])

    with Client(server_url, make_api_key(alice), sleep=cancel_post) as client:
        post = client.posts.create(account_id=account_id, text="a", media=[VIDEO_URL])
        states = [each["state"] for each in client.posts.follow(post["id"])]
    assert states == ["QUEUED", "CANCELLED"]


def test_what_has_no_method_is_called_by_its_path(alice_client):
    answer = alice_client.request("GET", "/api/posts", query={"limit": 1, "state": None})
    assert answer == {"success": True, "data": [], "next_cursor": None}


def test_wrong_arguments_are_refused_before_anything_is_sent(alice_client, pauses):
    with pytest.raises(ValueError, match="time zone"):
        alice_client.posts.reschedule(7, datetime(2026, 3, 2))  # noqa: DTZ001 - the wrong one
    with pytest.raises(ValueError, match="http"):
        Client("ftp://signalpost.example")
    assert pauses == []


def test_a_newer_version_of_a_draft_is_not_overwritten(alice_client):
    draft_id = uuid4()
    first = alice_client.drafts.save(draft_id, {"text": "a"})
    alice_client.drafts.save(draft_id, {"text": "b"}, version=first["version"])
    with pytest.raises(errors.VersionConflict):
        alice_client.drafts.save(draft_id, {"text": "c"}, version=first["version"])
    assert alice_client.drafts.get(draft_id)["payload"] == {"text": "b"}


def test_a_person_makes_a_key_and_revokes_it(server_url, alice):
    with Client(server_url) as browser:
        assert browser.identity.sign_in(alice.email, alice.password)["id"] == alice.id
        made = browser.keys.create("reports", ["posts:read"])
        with Client(server_url, made["key"]) as program:
            assert list(program.posts.list()) == []
            with pytest.raises(errors.PermissionDenied):
                program.endpoints.create("https://app.example.org/hook")
            browser.keys.revoke(made["id"])
            with pytest.raises(errors.NotAuthenticated):
                program.identity.get_user()
        browser.identity.sign_out()
        with pytest.raises(ApiError):
            browser.identity.get_user()


def test_an_operator_counts_events_and_replays_them(server_url, make_user, make_api_key, run_sql):
    run_sql(
        "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status,"
        " dead_at) SELECT 'tiktok', 'x', n::text, '{}', 'dead', now() FROM generate_series(1, 3) n"
    )
    root = make_user("root@example.org", is_admin=True)
    since = datetime.now(UTC) - timedelta(hours=1)
    with Client(server_url, make_api_key(root, "admin")) as client:
        events = client.operator.events
        first, *others = sorted(event["id"] for event in events.list(status="dead", page_size=2))
        assert events.replay_many(since=since, dry_run=True)["matches"] == 3
        assert events.replay(first)["ids"] == [first]
        assert sorted(events.replay_many(others)["ids"]) == others
        assert list(events.list(status="dead")) == []
        assert [user["email"] for user in client.operator.list_users(text="root")] == [root.email]
        actions = {entry["action"] for entry in client.operator.list_audit_entries()}
        assert any("replay" in action for action in actions)
        assert client.operator.get_queues()["queues"]


def test_a_netrc_does_not_replace_the_key(alice_client, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth("http://127.0.0.1/") == ("somebody", "else")
    assert alice_client.identity.get_user()["email"] == "alice@example.org"


def test_the_key_is_not_printed(alice_client):
    assert "sp_" not in repr(alice_client.transport)
