"""What every media store does, in a directory as in a bucket of a real S3 server."""

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle

import pytest

from core.config.media_bucket import BucketSettings
from core.errors import Conflict, NotFound, TooLarge
from core.media.inspection import probe_media
from core.media_store.bucket import PART_BYTES, BucketStore
from core.media_store.directory import DirectoryStore
from core.media_store.store import CHUNK_BYTES
from tests.platforms.contract_videos import encode_video

LONG_AGO, SOON = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=2)


@pytest.fixture(params=["directory", "bucket"])
def open_store(request, tmp_path):
    """Opens the same store as two processes do, in turn."""
    if request.param == "directory":
        stores = cycle([DirectoryStore(tmp_path.as_uri()), DirectoryStore(tmp_path.as_uri())])
        return lambda: next(stores)
    server = request.getfixturevalue("s3_server")
    url, settings = server.create_url(), BucketSettings(**server.settings)
    stores = cycle([BucketStore(url, settings), BucketStore(url, settings)])
    return lambda: next(stores)


@pytest.fixture
def store(open_store):
    return open_store()


@pytest.fixture
def path(store):
    return store.create_file()


class BrokenStream:
    """A client whose connection breaks after these chunks."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)

    def read(self, _size):
        if self.chunks:
            return self.chunks.pop(0)
        raise ConnectionResetError


def store_file(store, data):
    path = store.create_file()
    assert store.append(path, 0, io.BytesIO(data), len(data)) == len(data)
    store.finish(path, len(data))
    return path


def test_bytes_are_appended_in_order_and_any_range_is_read(store, path):
    assert store.size(path) == 0
    assert store.append(path, 0, io.BytesIO(b"hello "), 11) == 6
    assert store.append(path, 6, io.BytesIO(b""), 11) == 6
    assert store.append(path, 6, io.BytesIO(b"world"), 11) == 11
    assert store.append(path, 11, io.BytesIO(b""), 11) == 11
    store.finish(path, 11)
    store.finish(path, 11)
    assert store.size(path) == 11
    assert store.read(path, 4, 6) == b"o w"
    digest = hashlib.sha256(b"hello world").hexdigest()
    assert (store.sha256(path), store.take_digest(path, 11)) == (digest, digest)


@pytest.mark.parametrize("size", [PART_BYTES - 1, PART_BYTES, 2 * PART_BYTES + 3])
def test_a_large_file_arrives_in_chunks_through_several_processes(open_store, size):
    """No process receives two chunks in a row: what the others know is in the store alone."""
    data = os.urandom(size)
    path, offset = open_store().create_file(), 0
    while offset < size:
        chunk = data[offset : offset + 3 * CHUNK_BYTES]
        offset = open_store().append(path, offset, io.BytesIO(chunk), size)
        assert open_store().size(path) == offset
    open_store().finish(path, size)
    store = open_store()
    assert b"".join(store.iter_chunks(path)) == data
    assert b"".join(store.iter_chunks(path, 5, CHUNK_BYTES + 5)) == data[5 : CHUNK_BYTES + 6]
    assert bytes(store.read(path, size - 9, size - 1)) == data[-9:]
    assert store.sha256(path) == hashlib.sha256(data).hexdigest()


def test_a_wrong_offset_is_refused_and_the_right_one_is_returned(store, path):
    store.append(path, 0, io.BytesIO(b"abc"), 10)
    for offset in (0, 2, 4):
        with pytest.raises(Conflict) as caught:
            store.append(path, offset, io.BytesIO(b"xyz"), 10)
        assert caught.value.details == {"offset": 3}
    assert store.size(path) == 3


def test_bytes_before_a_broken_connection_are_kept(store, path):
    with pytest.raises(ConnectionResetError):
        store.append(path, 0, BrokenStream(b"abc", b"def"), 10)
    assert store.size(path) == 6
    assert store.append(path, 6, io.BytesIO(b"ghij"), 10) == 10
    store.finish(path, 10)
    assert store.read(path, 0, 9) == b"abcdefghij"


def test_more_bytes_than_announced_are_refused_and_not_kept(store, path):
    with pytest.raises(TooLarge):
        store.append(path, 0, io.BytesIO(b"abcdef"), 5)
    assert store.size(path) <= 5


def test_of_many_requests_at_once_one_writes(open_store):
    """The others are refused, and no byte of theirs is in the file."""
    path, size = open_store().create_file(), 2 * CHUNK_BYTES
    contents = [bytes([number]) * size for number in range(8)]

    def append(content):
        try:
            return open_store().append(path, 0, io.BytesIO(content), size)
        except Conflict:
            return 0

    with ThreadPoolExecutor(len(contents)) as threads:
        stored = list(threads.map(append, contents))

    assert sorted(stored) == [0] * 7 + [size]
    open_store().finish(path, size)
    assert open_store().read(path, 0, size - 1) == contents[stored.index(size)]


def test_reading_beyond_the_end_of_a_file_is_refused(store):
    path = store_file(store, b"abc")
    for first, last in ((0, 3), (3, 5)):
        with pytest.raises(NotFound):
            store.read(path, first, last)


def test_the_stamp_begins_with_the_size_and_stays_while_the_file_does(open_store):
    path = store_file(open_store(), b"abc")
    stamp = open_store().version_stamp(path)
    assert stamp.startswith("3:")
    assert open_store().version_stamp(path) == stamp


def test_deleting_a_file_twice_is_harmless(store):
    path = store_file(store, b"abc")
    store.delete(path)
    store.delete(path)
    for read in (store.size, store.version_stamp, store.sha256):
        with pytest.raises(NotFound):
            read(path)


@pytest.mark.parametrize("path", ["", "../x", "/etc/passwd", "ab/../../x", f"ab/{'0' * 32}/x"])
def test_no_path_leads_out_of_the_store(store, path):
    for method in (store.size, store.delete, store.find_source, store.sha256):
        with pytest.raises(NotFound):
            method(path)


def test_a_confined_process_reads_the_file_wherever_it_is(store):
    path = store_file(store, encode_video())
    probe = probe_media(store.find_source(path))
    assert (probe["kind"], probe["codec"]) == ("video", "h264")


def test_files_to_which_nothing_is_written_any_more_are_listed(store):
    path = store_file(store, b"abc")
    unfinished = store.create_file()
    for each in (path, unfinished):
        assert each in store.list_idle_files(each[:2], since=SOON)
        assert store.list_idle_files(each[:2], since=LONG_AGO) == []
    store.delete(path)
    assert path not in store.list_idle_files(path[:2], since=SOON)


def test_the_store_says_that_it_can_be_written_to(store):
    assert "is writable" in store.check_access()


def test_the_first_to_ask_owns_a_store(open_store):
    assert [open_store().ensure_owner(name) for name in ("first", "second", "first")] == [
        "first"
    ] * 3
