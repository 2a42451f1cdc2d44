"""Media in a bucket of a real S3 server: its faults in words, kills, machines without a folder."""

import hashlib
import io
import os
import threading
import urllib.parse
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests
from werkzeug.serving import make_server

from core.config.media_bucket import BucketSettings
from core.errors import NotFound, ServiceUnavailable, StorageUnavailable
from core.media.inspection import probe_media
from core.media_store.bucket import PART_BYTES, BucketStore
from core.media_store.store import CHUNK_BYTES
from local.ports import find_free_port
from tests.flows.api_user import DIRECT_FIELDS, TUS_HEADERS, make_video
from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import PUBLISHED_ONCE, load_outcome
from tests.flows.stacks import run_stack
from tests.flows.web_server import run_web_server

FILE_BYTES = 12 * CHUNK_BYTES + 5
KEY_CANARY = "canary-key-id"


@pytest.fixture
def url(s3_server):
    return s3_server.create_url()


@pytest.fixture
def store(s3_server, url):
    return BucketStore(url, BucketSettings(**s3_server.settings))


def open_store(url, server_url):
    """The bucket of a server, with a key that no server knows."""
    settings = {
        "MEDIA_BUCKET_ENDPOINT_URL": server_url,
        "MEDIA_BUCKET_PATH_STYLE": "on",
        "MEDIA_BUCKET_ACCESS_KEY_ID": KEY_CANARY,
        "MEDIA_BUCKET_SECRET_ACCESS_KEY": "wrong",
    }
    return BucketStore(url, BucketSettings(**settings))


@contextmanager
def run_refusing_server(status, code):
    """An S3 server that answers every request with one error."""

    def answer(environ, start_response):
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, [("Content-Type", "application/xml")])
        return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_refused_key_is_named_without_being_quoted(s3_server, url):
    with pytest.raises(StorageUnavailable, match="refuses our key") as caught:
        open_store(url, s3_server.url).check_access()
    assert caught.value.details == {"reason": "read_only"}
    assert KEY_CANARY not in str(caught.value)


def test_a_bucket_that_does_not_exist_is_named(s3_server):
    store = BucketStore("s3://no-such-bucket", BucketSettings(**s3_server.settings))
    with pytest.raises(StorageUnavailable, match="does not exist") as caught:
        store.size(f"ab/{'0' * 32}")
    assert caught.value.details == {"reason": "broken"}


@pytest.mark.parametrize(
    ("status", "code", "error", "reason"),
    [
        ("503 Slow Down", "SlowDown", ServiceUnavailable, None),
        ("507 Full", "XMinioStorageFull", StorageUnavailable, "full"),
        ("403 Forbidden", "QuotaExceeded", StorageUnavailable, "full"),
        ("400 Bad Request", "InvalidRequest", StorageUnavailable, "broken"),
    ],
)
def test_what_a_store_refuses_is_said_in_words(url, status, code, error, reason):
    with (
        run_refusing_server(status, code) as server_url,
        pytest.raises(error, match="the media store") as caught,
    ):
        open_store(url, server_url).create_file()
    assert caught.value.details.get("reason") == reason
    assert (caught.value.retryable, caught.value.retry_after is None) == (True, False)


def test_a_store_that_does_not_answer_is_named(url):
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        open_store(url, f"http://127.0.0.1:{find_free_port()}").create_file()


def test_a_server_that_ignores_the_condition_of_a_write_is_found(store, monkeypatch):
    """`put_new` as such a server carries it out."""
    objects = store._objects
    monkeypatch.setattr(objects, "put_new", lambda key, data: objects.write(key, data) or True)
    with pytest.raises(StorageUnavailable, match="ignores If-None-Match"):
        store.check_access()


def test_a_deleted_file_leaves_neither_objects_nor_parts(s3_server, store, url):
    path = store.create_file()
    for offset in range(0, 7 * CHUNK_BYTES, CHUNK_BYTES):
        store.append(path, offset, io.BytesIO(bytes(CHUNK_BYTES)), FILE_BYTES)
    assert len(s3_server.list_uploads(url)) == 1
    store.delete(path)
    assert (s3_server.list_keys(url), s3_server.list_uploads(url)) == ([], [])


def test_a_finished_file_is_one_object(s3_server, store, url):
    data = os.urandom(PART_BYTES + 1)
    path = store.create_file()
    store.append(path, 0, io.BytesIO(data), len(data))
    store.finish(path, len(data))
    (key,) = s3_server.list_keys(url)
    assert key.endswith(path)
    bucket = url.removeprefix("s3://").partition("/")[0]
    assert s3_server.client.get_object(Bucket=bucket, Key=key)["Body"].read() == data
    assert s3_server.list_uploads(url) == []


def test_what_a_killed_process_left_behind_is_removed(s3_server, store, url):
    """It had begun a multipart upload and died before it could write down its id."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    s3_server.client.create_multipart_upload(Bucket=bucket, Key=f"{prefix}/ab/{'0' * 32}")
    now = datetime.now(UTC)
    assert store.remove_leftovers(begun_before=now - timedelta(days=8)) == 0
    assert store.remove_leftovers(begun_before=now + timedelta(minutes=5)) == 1
    assert s3_server.list_uploads(url) == []


def test_a_file_that_cannot_be_read_is_not_taken_for_damaged(store):
    data = make_video()
    path = store.create_file()
    store.append(path, 0, io.BytesIO(data), len(data))
    store.finish(path, len(data))
    source = store.find_source(path)
    store.delete(path)
    with pytest.raises(FileNotFoundError):
        probe_media(source)
    with pytest.raises(NotFound):
        store.find_source(path)


def announce_file(api_user, size):
    headers = {**TUS_HEADERS, "Upload-Length": str(size)}
    headers["Upload-Metadata"] = "filename dmlkZW8ubXA0"  # video.mp4
    return api_user.call("POST", "/api/media", headers=headers).headers["Location"]


def test_a_video_goes_through_a_bucket_though_web_dies_and_another_machine_continues(
    s3_server, url, tmp_path
):
    """Two web processes and one that uploads, none of which has a folder of the others."""
    settings = {"MEDIA_URL": url, **s3_server.settings}
    data = make_video(FILE_BYTES)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with run_stack(tmp_path / "first", **settings) as stack:
        api_user = stack.create_api_user()
        location = announce_file(api_user, len(data))

        def send_until_web_dies():
            yield data[: 7 * CHUNK_BYTES]
            wait_until(lambda: len(s3_server.list_keys(url)) > 1, what="the first stored piece")
            stack.kill("web")
            yield data[7 * CHUNK_BYTES :]

        headers = {**TUS_HEADERS, "Content-Type": "application/offset+octet-stream"}
        with pytest.raises(requests.RequestException):
            api_user.send(
                "PATCH", location, headers={**headers, "Upload-Offset": "0"},
                data=send_until_web_dies(),
            )  # fmt: skip

        other_settings = {**settings, "SECRET_KEY": "another-machine-0123456789-0123456789"}
        with run_web_server(
            tmp_path / "second", stack.info["database"], stack.info["broker"], **other_settings
        ) as other:
            address = other.url + location
            session = api_user.api_session
            offset = int(session.head(address, headers=TUS_HEADERS).headers["Upload-Offset"])
            assert 0 < offset < len(data)
            continued = {**headers, "Upload-Offset": str(offset)}
            sent = session.patch(address, headers=continued, data=data[offset:])
            assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, str(len(data)))
            media = session.get(address).json()["data"]
            assert (media["complete"], media["probe"]["codec"]) == (True, "h264")
            link = urllib.parse.urlsplit(media["url"]).path
            part = requests.get(other.url + link, headers={"Range": "bytes=5-9"}, timeout=30)
            assert (part.status_code, part.content) == (206, data[5:10])
            assert part.headers["Content-Range"] == f"bytes 5-9/{len(data)}"
            assert requests.get(other.url + link, timeout=30).content == data
            head = requests.head(other.url + link, timeout=30)
            assert int(head.headers["Content-Length"]) == len(data)

        post_id = api_user.create_post(source="FILE_UPLOAD", media_id=media["id"], **DIRECT_FIELDS)
        api_user.wait_until_final(post_id, within=60)
        assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
        (received,) = api_user.list_platform_posts()
        assert received["sha256"] == hashlib.sha256(data).hexdigest()
        large = [
            file
            for file in tmp_path.rglob("*")
            if file.is_file() and file.stat().st_size == len(data)
        ]
        assert large == []
        assert not (tmp_path / "first" / "data" / "media").exists()
