"""A real disk of a few megabytes, to be full or read-only in a test. Only root can mount one."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

DISK_BYTES = 16 * 2**20


class SmallDisk:
    def __init__(self, folder):
        self.folder = folder
        self._filling = folder / "filling"

    def fill(self, *, leaves=0):
        """Take all room but so many bytes."""
        free = os.statvfs(self.folder)
        with self._filling.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - leaves)

    def make_room(self):
        self._filling.unlink()

    @contextmanager
    def read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)


@contextmanager
def mount_small_disk(folder: Path, *, size: int = DISK_BYTES):
    folder.mkdir()
    options = f"size={size}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
