"""`signalpost upload` against a running server: chunks, resumption and errors."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from email.utils import format_datetime
from socket import SHUT_RDWR
from threading import Thread

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from app.cli import tus_client
from app.cli.api_client import ApiClient
from app.cli.main import cli
from core.errors import OperationFailed
from db.media.files import Media
from db.posts.posts import Post
from platforms.secret import Secret
from tests.support.row_factory import RowFactory

FILE_SIZE = 3 * 1024 * 1024 + 7


@pytest.fixture
def app(app_factory, tmp_path):
    return app_factory.create_app(MEDIA_URL=(tmp_path / "media").as_uri())


@pytest.fixture
def serve_app():
    """Serves WSGI applications over real HTTP and returns their URLs."""
    with ExitStack() as servers:

        def serve(wsgi_app):
            server = make_server("127.0.0.1", 0, wsgi_app, threaded=True)
            thread = Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            for end in (server.server_close, thread.join, server.shutdown):
                servers.callback(end)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


@pytest.fixture
def server_url(serve_app, app):
    return serve_app(app)


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def alice_api_key(alice, make_api_key):
    return make_api_key(alice)


@pytest.fixture
def direct_account_id(container, alice):
    """The id of Alice's account that may post directly."""
    factory = RowFactory(container.database, container.services.key_ring)
    return factory.create_account(alice.id, scope="video.upload,video.publish")


@pytest.fixture
def upload_client(server_url, alice_api_key):
    return ApiClient(server_url, Secret(alice_api_key))


@pytest.fixture
def video_file(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(range(256)) * (FILE_SIZE // 256) + b"x" * (FILE_SIZE % 256))
    return path


def test_a_file_is_sent_in_chunks_and_is_complete_at_the_end(
    upload_client, video_file, container, monkeypatch
):
    monkeypatch.setattr(tus_client, "CHUNK_BYTES", 1024 * 1024)
    upload_path = tus_client.create_upload(upload_client, video_file)
    assert list(tus_client.send_file(upload_client, video_file, upload_path)) == [
        1 << 20,
        2 << 20,
        3 << 20,
        FILE_SIZE,
    ]
    with container.database.transaction() as session:
        media = session.get(Media, int(upload_path.rpartition("/")[2]))
    assert container.services.media.local_path(media.path).read_bytes() == video_file.read_bytes()


def test_a_chunk_that_was_sent_already_is_not_sent_twice(upload_client, video_file, monkeypatch):
    monkeypatch.setattr(tus_client, "CHUNK_BYTES", 1024 * 1024)
    upload_path = tus_client.create_upload(upload_client, video_file)
    next(tus_client.send_file(upload_client, video_file, upload_path))
    assert list(tus_client.send_file(upload_client, video_file, upload_path))[-1] == FILE_SIZE


class UnwillingServer:
    """Refuses the first tries of each chunk, in turn in every way that passes."""

    def __init__(self, app):
        self.app, self.refusals = app, []
        soon = format_datetime(datetime.now(UTC), usegmt=True)
        self.planned = [
            None,  # the connection is lost before the chunk was read
            ("429 Too Many", [("Retry-After", "0")], b'{"error": {"retryable": true}}'),
            ("503 Busy", [("Retry-After", soon)], b"<html>a proxy</html>"),
            ("507 Full", [("Retry-After", "0")], b'{"error": {"retryable": true}}'),
            ("502 Bad Gateway", [("Retry-After", "0")], b""),
        ]

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] != "PATCH" or not self.planned:
            return self.app(environ, start_response)
        refusal = self.planned.pop(0)
        self.refusals.append(refusal)
        if refusal is None:
            environ["werkzeug.socket"].shutdown(SHUT_RDWR)
            return []
        status, headers, body = refusal
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response(status, headers)
        return [body]


def test_an_upload_goes_on_after_whatever_passes(
    serve_app, app, alice_api_key, video_file, container
):
    server = UnwillingServer(app)
    client = ApiClient(serve_app(server), Secret(alice_api_key))
    upload_path = tus_client.create_upload(client, video_file)

    assert list(tus_client.send_file(client, video_file, upload_path)) == [FILE_SIZE]

    assert len(server.refusals) == 5
    with container.database.transaction() as session:
        media = session.get(Media, int(upload_path.rpartition("/")[2]))
    assert container.services.media.local_path(media.path).read_bytes() == video_file.read_bytes()


def test_a_refusal_that_does_not_pass_ends_the_upload_with_the_servers_words(
    upload_client, video_file, container
):
    upload_path = tus_client.create_upload(upload_client, video_file)
    assert upload_client.request("DELETE", upload_path).status == 204
    with pytest.raises(OperationFailed, match="Nothing was found"):
        list(tus_client.send_file(upload_client, video_file, upload_path))


def test_an_error_carries_the_code_of_the_server(upload_client):
    with pytest.raises(OperationFailed) as refused:
        upload_client.request_json("GET", "/api/posts/7")
    assert refused.value.code == "NOT_FOUND"


def run_upload(url, key, *arguments):
    environ = {"SIGNALPOST_URL": url, "SIGNALPOST_API_KEY": key}
    return CliRunner().invoke(cli, ["upload", *map(str, arguments), "--json"], env=environ)


def test_a_refused_upload_exits_with_1_and_the_servers_code(server_url, alice_api_key, video_file):
    result = run_upload(server_url, alice_api_key, video_file, "--account", 7)
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] in {
        "not_connected",
        "NOT_FOUND",
    }
    assert alice_api_key not in result.output


def test_a_missing_file_is_reported_before_anything_is_sent(server_url, alice_api_key, tmp_path):
    result = run_upload(server_url, alice_api_key, tmp_path / "none.mp4", "--account", 7)
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] == "VALIDATION_ERROR"


def test_an_unreachable_server_is_reported_without_a_traceback(alice_api_key):
    result = run_upload(
        "http://127.0.0.1:1", alice_api_key, "https://example.org/video.mp4", "--account", 7
    )
    assert result.exit_code == 1
    assert json.loads(result.stdout.splitlines()[-1])["error"]["code"] == "SERVICE_UNAVAILABLE"


VIDEO_URL = "https://example.org/film"


def load_posts(container):
    with container.database.transaction() as session:
        return session.query(Post).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "settings"),
    [
        ((), "INBOX_VIDEO", {}),
        (
            ("--kind", "DIRECT_VIDEO", "--option", "privacy_level=SELF_ONLY"),
            "DIRECT_VIDEO",
            {"privacy_level": "SELF_ONLY"},
        ),
        (
            ("--mode", "DIRECT", "--privacy", "SELF_ONLY", "--option", "is_aigc=true"),
            "DIRECT_VIDEO",
            {"privacy_level": "SELF_ONLY", "is_aigc": True},
        ),
    ],
)
def test_kind_and_options_reach_the_post(
    server_url, alice_api_key, direct_account_id, container, arguments, kind, settings
):
    account = ("--account", direct_account_id, "--no-follow")
    result = run_upload(server_url, alice_api_key, VIDEO_URL, *account, *arguments)
    assert result.exit_code == 0, result.output
    (post,) = load_posts(container)
    assert (post.kind, post.title) == (kind, "Uploaded from a terminal")
    assert post.payload_json == {"video_url": VIDEO_URL, "settings": settings}


def test_an_option_without_a_value_is_refused(server_url, alice_api_key):
    result = run_upload(server_url, alice_api_key, VIDEO_URL, "--option", "is_aigc")
    assert result.exit_code == 1
    assert "NAME=VALUE" in result.output
