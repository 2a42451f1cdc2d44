"""The media store: appending, reading and deleting files inside one directory."""

import faulthandler
import fcntl
import hashlib
import io
import os
import signal
import stat

import pytest

from core.errors import Conflict, Misconfigured, NotFound, TooLarge
from core.media_store import CHUNK_BYTES, MediaStore


@pytest.fixture
def media_store(tmp_path):
    return MediaStore(f"file://{tmp_path}/a%20folder")


@pytest.fixture
def path(media_store):
    return media_store.create_file()


class BrokenStream:
    """A client whose connection breaks after these chunks."""

    def __init__(self, *chunks):
        self.chunks = list(chunks)

    def read(self, _size):
        if self.chunks:
            return self.chunks.pop(0)
        raise ConnectionResetError


def test_bytes_are_appended_in_order_and_any_range_is_read(media_store, path):
    assert media_store.append(path, 0, io.BytesIO(b"hello "), 11) == 6
    assert media_store.append(path, 6, io.BytesIO(b"world"), 11) == 11
    assert media_store.size(path) == 11
    assert media_store.read(path, 4, 6) == b"o w"
    assert media_store.sha256(path) == hashlib.sha256(b"hello world").hexdigest()


def test_only_our_user_can_read_a_file(media_store, path):
    assert stat.S_IMODE(media_store.local_path(path).stat().st_mode) == 0o600
    assert stat.S_IMODE(media_store.local_path(path).parent.stat().st_mode) == 0o700


def test_a_wrong_offset_is_refused_and_the_right_one_is_returned(media_store, path):
    media_store.append(path, 0, io.BytesIO(b"abc"), 10)
    with pytest.raises(Conflict) as caught:
        media_store.append(path, 2, io.BytesIO(b"xyz"), 10)
    assert caught.value.details == {"offset": 3}
    assert media_store.read(path, 0, 2) == b"abc"


def test_bytes_before_a_broken_connection_are_kept(media_store, path):
    with pytest.raises(ConnectionResetError):
        media_store.append(path, 0, BrokenStream(b"abc", b"def"), 10)
    assert media_store.size(path) == 6
    assert media_store.append(path, 6, io.BytesIO(b"ghij"), 10) == 10


def test_more_bytes_than_announced_are_refused_and_not_kept(media_store, path):
    with pytest.raises(TooLarge):
        media_store.append(path, 0, io.BytesIO(b"abcdef"), 5)
    assert media_store.size(path) <= 5


def test_two_requests_cannot_append_at_the_same_time(media_store, path):
    with media_store.local_path(path).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict):
            media_store.append(path, 0, io.BytesIO(b"abc"), 3)
    assert media_store.append(path, 0, io.BytesIO(b"abc"), 3) == 3


def test_a_large_file_is_read_in_chunks(media_store, path):
    whole = bytes(range(256)) * (CHUNK_BYTES // 128)
    media_store.append(path, 0, io.BytesIO(whole), len(whole))
    chunks = list(media_store.iter_chunks(path))
    assert b"".join(chunks) == whole
    assert max(map(len, chunks)) == CHUNK_BYTES
    assert b"".join(media_store.iter_chunks(path, 5, CHUNK_BYTES + 5)) == whole[5 : CHUNK_BYTES + 6]


def test_reading_beyond_the_end_of_a_file_is_refused(media_store, path):
    media_store.append(path, 0, io.BytesIO(b"abc"), 3)
    with pytest.raises(NotFound):
        media_store.read(path, 0, 3)


def test_truncating_a_file_while_it_is_read_kills_the_reader(media_store, path):
    """No wrong bytes are sent; when the lease of the row expires, another worker takes over."""
    size = 64 * CHUNK_BYTES
    media_store.append(path, 0, io.BytesIO(bytes(size)), size)
    child = os.fork()
    if child == 0:  # nothing of pytest may run in here
        faulthandler.disable()
        data = media_store.read(path, 0, size - 1)
        os.truncate(media_store.local_path(path), CHUNK_BYTES)
        bytes(data)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGBUS


def test_bytes_already_mapped_stay_readable_after_the_file_is_deleted(media_store, path):
    media_store.append(path, 0, io.BytesIO(b"hello world"), 11)
    data = media_store.read(path, 4, 6)
    media_store.delete(path)
    assert data == b"o w"


def test_deleting_a_file_twice_is_harmless(media_store, path):
    media_store.delete(path)
    media_store.delete(path)
    with pytest.raises(NotFound):
        media_store.size(path)


@pytest.mark.parametrize(
    "path", ["", "../x", "/etc/passwd", "ab/../../x", "ab", f"ab/{'0' * 32}/x", f"ab/{'0' * 31}\n"]
)
def test_no_path_leads_out_of_the_directory(media_store, path):
    for method in (
        media_store.size,
        media_store.delete,
        media_store.local_path,
        media_store.sha256,
    ):
        with pytest.raises(NotFound):
            method(path)


def test_a_symbolic_link_is_not_followed(media_store, path, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"canary")
    media_store.local_path(path).unlink()
    media_store.local_path(path).symlink_to(outside)
    with pytest.raises(OSError, match="symbolic"):
        media_store.read(path, 0, 5)


def test_other_url_schemes_are_refused():
    with pytest.raises(Misconfigured, match="file:///"):
        MediaStore("s3://bucket")
