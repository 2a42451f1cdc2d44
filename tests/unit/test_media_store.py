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


class BrokenSender:
    """A sender whose connection ends in the middle."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    def read(self, _size):
        if self.pieces:
            return self.pieces.pop(0)
        raise ConnectionResetError


def test_bytes_arrive_in_order_and_are_read_where_asked(media_store, path):
    assert media_store.append(path, 0, io.BytesIO(b"hello "), 11) == 6
    assert media_store.append(path, 6, io.BytesIO(b"world"), 11) == 11
    assert media_store.size(path) == 11
    assert media_store.read(path, 4, 6) == b"o w"
    assert media_store.sha256(path) == hashlib.sha256(b"hello world").hexdigest()


def test_a_file_is_ours_alone(media_store, path):
    assert stat.S_IMODE(media_store.local_path(path).stat().st_mode) == 0o600
    assert stat.S_IMODE(media_store.local_path(path).parent.stat().st_mode) == 0o700


def test_bytes_for_another_place_are_refused_with_the_right_one(media_store, path):
    media_store.append(path, 0, io.BytesIO(b"abc"), 10)
    with pytest.raises(Conflict) as caught:
        media_store.append(path, 2, io.BytesIO(b"xyz"), 10)
    assert caught.value.details == {"offset": 3}
    assert media_store.read(path, 0, 2) == b"abc"


def test_what_came_before_a_broken_connection_is_kept(media_store, path):
    with pytest.raises(ConnectionResetError):
        media_store.append(path, 0, BrokenSender(b"abc", b"def"), 10)
    assert media_store.size(path) == 6
    assert media_store.append(path, 6, io.BytesIO(b"ghij"), 10) == 10


def test_more_than_was_announced_is_refused_and_not_kept(media_store, path):
    with pytest.raises(TooLarge):
        media_store.append(path, 0, io.BytesIO(b"abcdef"), 5)
    assert media_store.size(path) <= 5


def test_two_senders_do_not_write_into_each_other(media_store, path):
    with media_store.local_path(path).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Conflict):
            media_store.append(path, 0, io.BytesIO(b"abc"), 3)
    assert media_store.append(path, 0, io.BytesIO(b"abc"), 3) == 3


def test_a_large_file_is_read_in_chunks(media_store, path):
    whole = bytes(range(256)) * (CHUNK_BYTES // 128)
    media_store.append(path, 0, io.BytesIO(whole), len(whole))
    pieces = list(media_store.iter_chunks(path))
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) == CHUNK_BYTES
    assert b"".join(media_store.iter_chunks(path, 5, CHUNK_BYTES + 5)) == whole[5 : CHUNK_BYTES + 6]


def test_a_file_that_lost_its_end_is_not_sent_short(media_store, path):
    media_store.append(path, 0, io.BytesIO(b"abc"), 3)
    with pytest.raises(NotFound):
        media_store.read(path, 0, 3)


def test_a_file_cut_short_while_it_is_read_ends_the_reader_as_a_kill_would(media_store, path):
    """Nobody gets bytes that were never there; the row's lease brings the next reader."""
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


def test_what_was_read_outlives_the_name_of_its_file(media_store, path):
    media_store.append(path, 0, io.BytesIO(b"hello world"), 11)
    data = media_store.read(path, 4, 6)
    media_store.delete(path)
    assert data == b"o w"


def test_a_deleted_file_is_gone_and_stays_gone(media_store, path):
    media_store.delete(path)
    media_store.delete(path)
    with pytest.raises(NotFound):
        media_store.size(path)


@pytest.mark.parametrize(
    "path", ["", "../x", "/etc/passwd", "ab/../../x", "ab", f"ab/{'0' * 32}/x", f"ab/{'0' * 31}\n"]
)
def test_no_path_leads_out_of_the_folder(media_store, path):
    for ask in (media_store.size, media_store.delete, media_store.local_path, media_store.sha256):
        with pytest.raises(NotFound):
            ask(path)


def test_a_link_is_not_followed(media_store, path, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(b"canary")
    media_store.local_path(path).unlink()
    media_store.local_path(path).symlink_to(outside)
    with pytest.raises(OSError, match="symbolic"):
        media_store.read(path, 0, 5)


def test_other_url_schemes_are_refused():
    with pytest.raises(Misconfigured, match="file:///"):
        MediaStore("s3://bucket")
