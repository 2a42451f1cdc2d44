"""Deletes the bytes of files without a row, and what remains of uploads that were never finished.

A row is deleted before its file. A process that ends in between, or a store that is away, leaves
the bytes behind, which may be those of a person whose data were erased.

Only the installation that the store names as its owner does this: another one that was given the
same MEDIA_URL, or a new database, knows none of its files.
"""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from core.bootstrap import Services
from core.errors import ServiceUnavailable, StorageUnavailable
from core.media_store.store import FOLDERS, PATH_PATTERN
from db.media.files import MediaFiles
from db.ops.diagnosis import read_database_identity
from db.session import Database

IDLE_PERIOD = timedelta(days=1)  # far more than between the creation of a file and that of its row
UPLOAD_PERIOD = timedelta(days=8)  # longer than an upload may take
FOLDERS_PER_RUN = 8  # of 256: with a run in five minutes each is looked into several times a day

log = structlog.get_logger(__name__)


def delete_bytes(services: Services, paths: Sequence[str]) -> int:
    """Delete the bytes of files whose rows are gone; return of how many.

    What a store that is away still has is found by `delete_leftovers`.
    """
    for count, path in enumerate(paths):
        try:
            services.media.delete(path)
        except (ServiceUnavailable, StorageUnavailable) as error:
            log.warning("media.bytes_left", files=len(paths) - count, reason=str(error))
            return count
    return len(paths)


def delete_leftovers(
    database: Database, services: Services, *, folders: Sequence[str] | None = None
) -> int:
    """Look through some folders for files without a row, and delete them. Return how many.

    Errors: StorageUnavailable, ServiceUnavailable.
    """
    if not is_owner(database, services):
        return 0
    count, since = 0, services.now() - IDLE_PERIOD
    for folder in folders or choose_folders(services.jitter()):
        names = services.media.list_idle_files(folder, since=since)
        paths = [name for name in names if PATH_PATTERN.fullmatch(name)]
        with database.transaction() as session:
            known_paths = MediaFiles(session).find_known_paths(paths)
        count += delete_bytes(services, [path for path in paths if path not in known_paths])
    count += services.media.remove_leftovers(begun_before=services.now() - UPLOAD_PERIOD)
    if count:
        log.warning("media.leftovers_deleted", count=count)
    return count


def is_owner(database: Database, services: Services) -> bool:
    """Whether the store belongs to this database. One without an owner does from now on."""
    with database.transaction() as session:
        identity = read_database_identity(session)
    owner = services.media.ensure_owner(identity)
    if owner != identity:
        log.warning("media.belongs_to_another_database", owner=owner, database=identity)
    return owner == identity


def choose_folders(position: float) -> list[str]:
    """Return the folders of one run. Units: `position` is 0 to 1, at random."""
    first = int(position * len(FOLDERS))
    return [FOLDERS[(first + number) % len(FOLDERS)] for number in range(FOLDERS_PER_RUN)]
