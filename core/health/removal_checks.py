"""The check of `signalpost doctor` about ERASURE_LIST, which a restored backup depends on."""

import os
from collections.abc import Iterator
from pathlib import Path

from core.bootstrap import Services
from core.health.doctor_check import DoctorCheck
from core.removal_list import count_lines, own_file

NAME = "erasure list"
DATABASE_MARK = "PG_VERSION"
"""A file at the top of Postgres' data folder."""

UNSET_MESSAGE = (
    "ERASURE_LIST is not set: after a restore, whoever was erased and what was revoked since the"
    " backup is back"
)
WRITE_ADVICE = (
    "let the user of the processes write into the folder: until then each line is in the log"
    " (removal_list.not_written) and has to be appended by hand"
)
PLACE_ADVICE = "set ERASURE_LIST to a folder on another disk: it is lost together with the database"
LINE_ADVICE = (
    "look for lines that are no JSON or were cut off, and for removal_list.not_written in the logs:"
    " a restore leaves them out"
)


def check_removal_list(services: Services) -> Iterator[DoctorCheck]:
    """Whether it can be written, lies outside the database and can be read. Writes nothing."""
    folder = services.settings.erasure_list
    if folder is None:
        yield DoctorCheck(NAME, ok=True, message=UNSET_MESSAGE)
        return
    if not is_writable(folder):
        yield DoctorCheck(
            NAME, ok=False, message=f"{folder} cannot be written", advice=WRITE_ADVICE
        )
    if database := find_database_folder(folder):
        message = f"{folder} is inside {database}, the data folder of a Postgres"
        yield DoctorCheck(NAME, ok=False, message=message, advice=PLACE_ADVICE)
    yield check_lines(folder)


def is_writable(folder: Path) -> bool:
    """Whether a line could be appended; a folder that is missing is made with the first one."""
    file = own_file(folder)
    if file.exists():
        return os.access(file, os.W_OK)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def find_database_folder(folder: Path) -> Path | None:
    """The data folder of a Postgres in which this folder lies, if this machine has it."""
    place = folder.resolve()
    return next((path for path in (place, *place.parents) if (path / DATABASE_MARK).exists()), None)


def check_lines(folder: Path) -> DoctorCheck:
    try:
        total, unreadable = count_lines(folder)
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        return DoctorCheck(NAME, ok=False, message=message, advice=WRITE_ADVICE)
    if unreadable:
        message = f"{unreadable} of {total} lines in {folder} cannot be read"
        return DoctorCheck(NAME, ok=False, message=message, advice=LINE_ADVICE)
    return DoctorCheck(NAME, ok=True, message=f"{folder} has {total} lines")
