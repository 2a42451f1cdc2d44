"""The files in which the processes of one machine count, and what becomes of a dead process's.

Each process has a file for its counters and one for its histograms. Those of processes that are
gone are added up in one file, or a page of metrics would read more of them every day.
"""

import fcntl
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import psutil
from prometheus_client.mmap_dict import MmapedDict

FILE_PATTERN = "{}_*.db"
COUNTER_TYPE = "counter"
SUMMED_TYPES = (COUNTER_TYPE, "histogram")
"""Types of which the values of several processes are added; we have no other."""

MERGED_NAME = "merged"
LOCK_FILE = "merge.lock"
_lock_descriptors: set[int] = set()
_descriptors_lock = Lock()
"""Held while the set changes, and during a fork."""


@contextmanager
def reading_files(folder: Path) -> Iterator[None]:
    """Read the files in this block: none is merged meanwhile, which would count it twice."""
    with hold_lock(folder, fcntl.LOCK_SH):
        yield


def merge_files_of_dead(folder: Path) -> int:
    """Add up the files of dead processes. Return how many files are gone; 0 while others read.

    All processes that share the folder have to be visible here: containers do not share one.
    """
    try:
        with hold_lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return sum(merge_type(folder, name) for name in SUMMED_TYPES)
    except BlockingIOError:
        return 0


def add_zero_counts(folder: Path, keys: Iterable[str]) -> None:
    """Add counters at 0 to the counts of dead processes, unless they are among them."""
    merged = folder / merged_name(COUNTER_TYPE)
    with hold_lock(folder, fcntl.LOCK_EX):
        sums = read_sums(merged)
        missing = {key: 0.0 for key in keys if key not in sums}
        if missing:
            write_sums(merged, sums | missing)


def merge_type(folder: Path, name: str) -> int:
    merged = folder / merged_name(name)
    dead = [path for path in folder.glob(FILE_PATTERN.format(name)) if is_of_dead_process(path)]
    if not dead:
        return 0
    write_sums(merged, read_sums(merged, *dead))
    for path in dead:
        path.unlink()
    return len(dead)


def merged_name(name: str) -> str:
    return f"{name}_{MERGED_NAME}.db"


def read_sums(*paths: Path) -> dict[str, float]:
    """Add up what these files count."""
    sums: dict[str, float] = defaultdict(float)
    for path in paths:
        if is_begun(path):
            for key, value, _, _ in MmapedDict.read_all_values_from_file(path):  # type: ignore[no-untyped-call]  # untyped library
                sums[key] += value
    return sums


def write_sums(path: Path, sums: dict[str, float]) -> None:
    """Replace the file in one piece: whoever has the old one open keeps it."""
    staging = path.with_suffix(".new")
    staging.unlink(missing_ok=True)
    values = MmapedDict(staging)  # type: ignore[no-untyped-call]  # untyped library
    for key, value in sums.items():
        values.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]  # untyped library
    values.close()  # type: ignore[no-untyped-call]  # untyped library
    staging.rename(path)


def is_of_dead_process(path: Path) -> bool:
    """Whether the process whose id the file's name ends with is gone.

    Another process with its id is one that began after the file was last changed.
    """
    process_id = path.stem.rpartition("_")[2]
    if not process_id.isdigit():
        return False
    try:
        return psutil.Process(int(process_id)).create_time() > path.stat().st_mtime
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def is_begun(path: Path) -> bool:
    """Whether the file has contents: it has none if its process was killed as it made the file."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def list_begun_files(folder: Path) -> list[str]:
    """The files that can be read."""
    return [str(path) for path in folder.glob("*.db") if is_begun(path)]


@contextmanager
def hold_lock(folder: Path, operation: int) -> Iterator[None]:
    descriptor = open_lock_file(folder)
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        with _descriptors_lock:
            _lock_descriptors.discard(descriptor)
            os.close(descriptor)


def open_lock_file(folder: Path) -> int:
    with _descriptors_lock:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(folder / LOCK_FILE, flags, 0o600)
        _lock_descriptors.add(descriptor)
    return descriptor


def close_inherited_descriptors() -> None:
    """Close what another thread of the parent had open as this process was forked from it.

    The lock belongs to all who have the descriptor: it would last as long as this process.
    """
    while _lock_descriptors:
        os.close(_lock_descriptors.pop())
    _descriptors_lock.release()


os.register_at_fork(
    before=_descriptors_lock.acquire,
    after_in_parent=_descriptors_lock.release,
    after_in_child=close_inherited_descriptors,
)
