"""The Python client against a running server: uploads, lost answers, waits, lists, people."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import SHUT_RDWR
from uuid import uuid4

import pytest
import requests

from db.media.files import Media
from db.posts.posts import Post
from signalpost_client import (
    ApiError,
    Client,
    ConnectionLost,
    FollowTimeout,
    RepeatPolicy,
    errors,
)
from tests.support.row_factory import RowFactory

MIB = 1024 * 1024
FILE_SIZE = 3 * MIB + 7
VIDEO_URL = "https://example.org/video"
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def app(app_factory, tmp_path):
    return app_factory.create_app(MEDIA_URL=(tmp_path / "media").as_uri())


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def account_id(container, alice):
    return RowFactory(container.database, container.services.key_ring).create_account(alice.id)


@pytest.fixture
def pauses():
    """The seconds that the client has waited; it waits for none of them."""
    return []


@pytest.fixture
def open_client(alice, make_api_key, pauses):
    """Opens clients with Alice's key, on any URL."""
    opened = []

    def open_one(url, **options):
        client = Client(url, make_api_key(alice), sleep=pauses.append, **options)
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def alice_client(server_url, open_client):
    return open_client(server_url)


@pytest.fixture
def video_file(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(range(256)) * (FILE_SIZE // 256) + b"x" * (FILE_SIZE % 256))
    return path


class FaultyServer:
    """Answers requests of one method with the planned faults, one each, before it does its work.

    A fault is None for a lost connection, "answer" if the request is carried out and its answer is
    lost, or status, headers and body.
    """

    def __init__(self, app, method, *planned):
        self.app, self.method, self.planned, self.requests = app, method, [*planned], []

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] != self.method:
            return self.app(environ, start_response)
        self.requests.append(environ.get("HTTP_IDEMPOTENCY_KEY"))
        if not self.planned:
            return self.app(environ, start_response)
        fault = self.planned.pop(0)
        if fault == "answer":
            self.app(environ, lambda *_: None)
        if fault in (None, "answer"):
            environ["werkzeug.socket"].shutdown(SHUT_RDWR)
            return []
        status, headers, body = fault
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, headers)
        return [body]


def read_stored_file(container, media_id):
    with container.database.transaction() as session:
        media = session.get(Media, media_id)
    return container.services.media.local_path(media.path).read_bytes()


def count_posts(container):
    with container.database.transaction() as session:
        return session.query(Post).count()


def test_a_file_is_sent_in_chunks_and_its_progress_is_reported(alice_client, video_file, container):
    progress = []
    media_id = alice_client.media.upload(
        video_file, chunk_bytes=MIB, on_progress=lambda *step: progress.append(step)
    )
    assert progress == [(offset, FILE_SIZE) for offset in (0, MIB, 2 * MIB, 3 * MIB, FILE_SIZE)]
    assert read_stored_file(container, media_id) == video_file.read_bytes()


def test_an_interrupted_upload_is_resumed_where_it_stopped(alice_client, video_file, container):
    upload = alice_client.media.start_upload(video_file, chunk_bytes=MIB)
    next(upload.send_chunks())
    progress = []
    alice_client.media.resume(
        upload.media_id,
        video_file,
        chunk_bytes=MIB,
        on_progress=lambda arrived, _: progress.append(arrived),
    )
    assert progress == [MIB, 2 * MIB, 3 * MIB, FILE_SIZE]
    assert read_stored_file(container, upload.media_id) == video_file.read_bytes()


def test_a_chunk_that_has_arrived_already_is_not_sent_twice(alice_client, video_file):
    upload = alice_client.media.start_upload(video_file, chunk_bytes=MIB)
    next(upload.send_chunks())
    upload.offset = 0  # as a client believes that has missed the answer
    assert list(upload.send_chunks()) == [MIB, 2 * MIB, 3 * MIB, FILE_SIZE]


def test_an_upload_goes_on_after_whatever_passes(
    serve_app, app, open_client, video_file, container, pauses
):
    now = format_datetime(datetime.now(UTC), usegmt=True)
    server = FaultyServer(
        app,
        "PATCH",
        None,
        ("429 Too Many", [("Retry-After", "3")], b'{"error": {"code": "x", "retryable": true}}'),
        ("503 Busy", [("Retry-After", now)], b"<html>a proxy</html>"),
        ("507 Full", [("Retry-After", "4")], b'{"error": {"code": "x", "retryable": true}}'),
        ("502 Bad Gateway", [], b""),
    )
    media_id = open_client(serve_app(server)).media.upload(video_file)
    assert pauses == [1.0, 3.0, 0.0, 4.0, 16.0]
    assert read_stored_file(container, media_id) == video_file.read_bytes()


def test_a_final_refusal_ends_the_upload_with_the_words_of_the_server(alice_client, video_file):
    upload = alice_client.media.start_upload(video_file)
    alice_client.media.delete(upload.media_id)
    with pytest.raises(errors.ResourceNotFound, match="Nothing was found"):
        list(upload.send_chunks())


def test_a_proxy_with_small_bodies_is_named(serve_app, app, open_client, video_file):
    server = FaultyServer(app, "PATCH", ("413 Too Large", [], b"<html>"))
    with pytest.raises(errors.UnexpectedResponse, match="request bodies of 8 MiB"):
        open_client(serve_app(server)).media.upload(video_file)


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
