"""Inspects media files and converts pictures, each in a confined process of its own.

The files may be hostile, and FFmpeg and the decoders of pictures are large libraries in C.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import structlog

from core.errors import ServiceUnavailable
from core.media.file_server import serve_file
from core.media.inspection_slots import InspectionSlots
from core.media_store.remote_file import RemoteFile

PROBE_TIMEOUT_SECONDS = 20.0  # far more than reading the headers of a normal file takes
CONVERT_TIMEOUT_SECONDS = 30.0
THUMBNAIL_TIMEOUT_SECONDS = 10.0
CONFINE_TIMEOUT_SECONDS = 10.0
MAX_CONFINED_PROCESSES = 4  # at a time, of this process: a file can be made that takes long to read
MAX_OF_ONE_USER = MAX_CONFINED_PROCESSES // 2  # so that nobody keeps the others waiting
SLOT_TIMEOUT_SECONDS = 1.0  # a request does not occupy its thread longer to wait for its turn
RETRY_AFTER = timedelta(seconds=5)
PROJECT_ROOT = Path(__file__).parents[2]
FILE_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # of a pipe: do not wait

log = structlog.get_logger(__name__)
slots = InspectionSlots(MAX_CONFINED_PROCESSES, MAX_OF_ONE_USER)


def probe_media(
    file: Path | RemoteFile, *, user_id: int | None = None, timeout: float = PROBE_TIMEOUT_SECONDS
) -> dict[str, Any] | None:
    """Return what the headers of a video or picture say; None if the file is neither.

    Shapes: `kind` is video, image or audio; `container`, `width`, `height`; of a video also
    `duration_ms`, `fps`, `codec`, `audio_codec`, `is_truncated`; of a picture `frames`. A value of
    None is unknown: the file does not state it. Of a file that cannot be read but begins as one of
    these, only `kind`, `container` and `is_damaged`. `user_id`: whose file it is; None: nobody's.
    Units: `timeout` in seconds.
    Errors: ServiceUnavailable if it could not be inspected in this time; it may succeed later.
    """
    output = run_confined("core.media.probe", file, user_id=user_id, timeout=timeout)
    if output is None:
        return None
    media_info: dict[str, Any] | None = json.loads(output)
    return media_info


def convert_to_jpeg(
    file: Path | RemoteFile, *, user_id: int | None = None, timeout: float = CONVERT_TIMEOUT_SECONDS
) -> bytes | None:
    """Return a picture as JPEG in sRGB, turned upright; None if it cannot be read.

    Transparent parts become white. Units: `timeout` in seconds. Errors: as `probe_media`.
    """
    return run_confined("core.media.convert", file, user_id=user_id, timeout=timeout)


def make_thumbnail(
    file: Path | RemoteFile,
    *,
    user_id: int | None = None,
    timeout: float = THUMBNAIL_TIMEOUT_SECONDS,
) -> bytes | None:
    """Return a picture, or a video's first frame, as small JPEG; None if it cannot be read.

    Units: `timeout` in seconds. Errors: as `probe_media`; FileNotFoundError.
    """
    return run_confined("core.media.thumbnail", file, user_id=user_id, timeout=timeout)


def convert_to_avatar(content: bytes, *, timeout: float = CONVERT_TIMEOUT_SECONDS) -> bytes | None:
    """Return the middle of a picture as a small square JPEG; None if it cannot be read.

    Units: `timeout` in seconds. Errors: as `probe_media`.
    """
    with NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        return run_confined("core.media.avatar", Path(file.name), timeout=timeout)


def run_confined(
    module: str, file: Path | RemoteFile, *, user_id: int | None = None, timeout: float
) -> bytes | None:
    """Run a module with the file as its input in a process that can open nothing else.

    Return its output, None if it fails. Errors: ServiceUnavailable.
    """
    with occupy_slot(user_id, timeout), open_source(file) as source:
        try:
            completed = subprocess.run(
                [sys.executable, "-m", module],
                cwd=PROJECT_ROOT,
                env={},
                stdin=source,
                capture_output=True,
                timeout=timeout,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            log.info("media.unreadable", status=error.returncode)
            return None
        except (subprocess.TimeoutExpired, OSError) as error:
            log.warning("media.not_inspected", error=type(error).__name__)
            raise ServiceUnavailable(
                "the file could not be inspected in time; try again later",
                retry_after=RETRY_AFTER,
            ) from error
    return completed.stdout


@contextmanager
def open_source(file: Path | RemoteFile) -> Iterator[int]:
    """Yield the descriptor that the process reads: a file, or a socket that is served here.

    Errors: those of reading a file elsewhere, also if the process took its end for the file's.
    """
    if isinstance(file, RemoteFile):
        with serve_file(file) as descriptor:
            yield descriptor
        return
    descriptor = os.open(file, FILE_FLAGS)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def occupy_slot(user_id: int | None, timeout: float) -> Iterator[None]:
    """Wait for one of the slots of confined processes, not longer than a request may.

    Units: `timeout` in seconds. Errors: ServiceUnavailable.
    """
    if not slots.acquire(user_id, timeout=min(timeout, SLOT_TIMEOUT_SECONDS)):
        has_all_of_user = slots.is_full_for(user_id)
        inspected = (
            f"{MAX_OF_ONE_USER} other files of yours are being inspected, the most of one user"
            if has_all_of_user
            else f"{MAX_CONFINED_PROCESSES} other files are being inspected, which is the most"
        )
        raise ServiceUnavailable(
            f"{inspected} at a time; try again in {RETRY_AFTER.seconds} seconds",
            retry_after=RETRY_AFTER,
        )
    try:
        yield
    finally:
        slots.release(user_id)


@cache
def confinement_layers() -> tuple[str, ...]:
    """Return what confines the processes that read files of users on this machine, for `doctor`.

    Complete are limits, Landlock, seccomp and, if we are root, an own user. Errors:
    ServiceUnavailable.
    """
    output = run_confined(
        "core.media.confinement", Path(os.devnull), timeout=CONFINE_TIMEOUT_SECONDS
    )
    return tuple(json.loads(output or b"[]"))
