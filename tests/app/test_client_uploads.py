"""Uploads of the Python client against a running server: chunks, progress, what is waited for."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from io import BytesIO

import pytest
import requests

from db.media.files import Media
from signalpost_client import errors, transport
from tests.app.client_fixtures import alice, alice_client, app, open_client, pauses
from tests.support.faulty_server import FaultyServer

__all__ = ["alice", "alice_client", "app", "open_client", "pauses"]  # fixtures

MIB = 1024 * 1024
FILE_SIZE = 3 * MIB + 7


@pytest.fixture
def video_file(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_bytes(bytes(range(256)) * (FILE_SIZE // 256) + b"x" * (FILE_SIZE % 256))
    return path


def read_stored_file(container, media_id):
    with container.database.transaction() as session:
        media = session.get(Media, media_id)
    return container.services.media.local_path(media.path).read_bytes()


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


class SlowServer:
    """Reads the chunks of uploads slowly, in all longer than the client may be blocked at once.

    Each request has a new connection: on a kept one the time-out for answers would be in force.
    """

    def __init__(self, app):
        self.app, self.seconds = app, []

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "PATCH":
            started, size, body = time.monotonic(), int(environ["CONTENT_LENGTH"]), b""
            while part := environ["wsgi.input"].read(min(MIB, size - len(body))):
                body += part
                time.sleep(0.1)  # the pace of the line
            self.seconds.append(time.monotonic() - started)
            environ["wsgi.input"] = BytesIO(body)
        return self.app(
            environ,
            lambda status, headers, *rest: start_response(
                status, [*headers, ("Connection", "close")], *rest
            ),
        )


def test_a_slow_line_that_moves_is_given_its_time(
    serve_app, app, open_client, tmp_path, container, pauses, monkeypatch
):
    monkeypatch.setattr(transport, "TIMEOUTS", (0.5, 20.0))
    file = tmp_path / "large.mp4"
    file.write_bytes(bytes(24 * MIB))  # more than the buffers of sockets hold
    server = SlowServer(app)
    url = serve_app(server)
    media_id = open_client(url).media.upload(file, chunk_bytes=24 * MIB)
    assert pauses == []
    assert server.seconds[0] > 2 * transport.TIMEOUTS[0]
    assert read_stored_file(container, media_id) == file.read_bytes()

    with pytest.raises(requests.RequestException):  # in one piece it has to arrive in that time
        requests.patch(f"{url}/api/media/1", data=file.read_bytes(), timeout=transport.TIMEOUTS)


def test_an_upload_that_stands_still_is_given_up_and_can_be_resumed(
    serve_app, app, open_client, video_file, container, pauses
):
    refusals = [("503 Busy", [("Retry-After", "60")], b"")] * 31
    client = open_client(serve_app(FaultyServer(app, "PATCH", *refusals)))
    upload = client.media.start_upload(video_file)
    with pytest.raises(errors.UploadStopped, match="no more for 30 minutes") as stopped:
        list(upload.send_chunks())
    assert (stopped.value.offset, sum(pauses)) == (0, 1800)
    assert client.media.resume(upload.media_id, video_file) == upload.media_id
    assert read_stored_file(container, upload.media_id) == video_file.read_bytes()


def test_a_chunk_that_another_request_still_writes_is_waited_for(
    serve_app, app, open_client, video_file, pauses
):
    body = b'{"error": {"code": "CONFLICT", "retryable": false}}'
    server = FaultyServer(app, "PATCH", ("409 Conflict", [("Retry-After", "2")], body))
    open_client(serve_app(server)).media.upload(video_file)
    assert pauses == [2.0]


def test_a_final_refusal_ends_the_upload_with_the_words_of_the_server(alice_client, video_file):
    upload = alice_client.media.start_upload(video_file)
    alice_client.media.delete(upload.media_id)
    with pytest.raises(errors.ResourceNotFound, match="Nothing was found"):
        list(upload.send_chunks())


def test_a_proxy_with_small_bodies_is_named(serve_app, app, open_client, video_file):
    server = FaultyServer(app, "PATCH", ("413 Too Large", [], b"<html>"))
    with pytest.raises(errors.UnexpectedResponse, match="request bodies of 8 MiB"):
        open_client(serve_app(server)).media.upload(video_file)
