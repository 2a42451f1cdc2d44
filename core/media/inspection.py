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
from threading import BoundedSemaphore
from typing import Any

import structlog

from core.errors import ServiceUnavailable

PROBE_TIMEOUT_SECONDS = 20.0  # far more than reading the headers of a normal file takes
CONVERT_TIMEOUT_SECONDS = 30.0
CONFINE_TIMEOUT_SECONDS = 10.0
MAX_CONFINED_PROCESSES = 4  # at a time, of this process: a file can be made that takes long to read
SLOT_TIMEOUT_SECONDS = 1.0  # a request does not occupy its thread longer to wait for its turn
RETRY_AFTER = timedelta(seconds=5)
PROJECT_ROOT = Path(__file__).parents[2]
FILE_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # of a pipe: do not wait

log = structlog.get_logger(__name__)
free_slots = BoundedSemaphore(MAX_CONFINED_PROCESSES)


def probe_media(file: Path, *, timeout: float = PROBE_TIMEOUT_SECONDS) -> dict[str, Any] | None:
    """Return what the headers of a video or picture say; None if the file is neither.

    Shapes: `kind` is video, image or audio; `container`, `width`, `height`; of a video also
    `duration_ms`, `fps`, `codec`, `audio_codec`, `is_truncated`; of a picture `frames`. A value of
    None is unknown: the file does not state it. Of a file that cannot be read but begins as one of
    these, only `kind`, `container` and `is_damaged`. Units: `timeout` in seconds.
    Errors: ServiceUnavailable if it could not be inspected in this time; it may succeed later.
    """
    output = run_confined("core.media.probe", file, timeout=timeout)
    if output is None:
        return None
    media_info: dict[str, Any] | None = json.loads(output)
    return media_info


def convert_to_jpeg(file: Path, *, timeout: float = CONVERT_TIMEOUT_SECONDS) -> bytes | None:
    """Return a picture as JPEG in sRGB, turned upright; None if it cannot be read.

    Transparent parts become white. Units: `timeout` in seconds. Errors: as `probe_media`.
    """
    return run_confined("core.media.convert", file, timeout=timeout)


def run_confined(module: str, file: Path, *, timeout: float) -> bytes | None:
    """Run a module with the file as its input in a process that can open nothing else.

    Return its output, None if it fails. Errors: ServiceUnavailable.
    """
    with occupy_slot(timeout), os.fdopen(os.open(file, FILE_FLAGS), "rb") as source:
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
def occupy_slot(timeout: float) -> Iterator[None]:
    """Wait for one of the places of confined processes, not longer than a request may.

    Units: `timeout` in seconds. Errors: ServiceUnavailable.
    """
    if not free_slots.acquire(timeout=min(timeout, SLOT_TIMEOUT_SECONDS)):
        raise ServiceUnavailable(
            f"{MAX_CONFINED_PROCESSES} other files are being inspected, which is the most at a"
            f" time; try again in {RETRY_AFTER.seconds} seconds",
            retry_after=RETRY_AFTER,
        )
    try:
        yield
    finally:
        free_slots.release()


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
