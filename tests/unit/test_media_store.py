"""The media store in a directory: what files are like on a disk.

What every store does is in tests/flows/test_media_stores.py.
"""

import faulthandler
import fcntl
import io
import os
import resource
import signal
import stat

import pytest

from core.errors import Conflict, Misconfigured, NotFound, StorageUnavailable
from core.media_store.directory import DirectoryStore
from core.media_store.store import CHUNK_BYTES


@pytest.fixture
def media_store(tmp_path):
    return DirectoryStore(f"file://{tmp_path}/a%20folder")


@pytest.fixture
def path(media_store):
    return media_store.create_file()


def test_only_our_user_can_read_a_file(media_store, path):
    assert stat.S_IMODE(media_store.local_path(path).stat().st_mode) == 0o600
    assert stat.S_IMODE(media_store.local_path(path).parent.stat().st_mode) == 0o700


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
        DirectoryStore("s3://bucket")


def test_a_limit_of_the_size_of_files_is_a_store_without_room(media_store, path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageUnavailable) as refused:
            media_store.append(path, 0, io.BytesIO(bytes(5000)), 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.details == {"reason": "full"}
    assert media_store.size(path) == 1000  # what has arrived is kept
