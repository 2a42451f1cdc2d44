"""The folder of backups: one folder for each, with a manifest that says what is in it."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

from app.cli.failures import FILE_CODE, CommandFailed, CommandFailure
from local.backup.postgres_programs import room_failure

MANIFEST_FILE, DUMP_FILE, BASE_FOLDER = "manifest.json", "database.dump", "base"
LOGICAL, BASE = "logical", "base"
NAME_FORMAT = "signalpost-%Y%m%dT%H%M%S.%fZ"
UNFINISHED_PREFIX = ".unfinished-"
FORMAT = 1  # of the manifest
CHUNK_BYTES = 1024 * 1024
UNUSABLE_CODE = "BACKUP_UNUSABLE"


@dataclass(frozen=True)
class BackupManifest:
    """What is in a backup. `tables`: rows of each table at `snapshot_at`, by the server's clock."""

    kind: str
    snapshot_at: str
    finished_at: str
    signalpost_version: str
    schema_revision: str | None
    server_version: int
    bytes: int
    sha256: str | None = None  # of the dump; a base backup has a manifest of Postgres' own
    tables: Mapping[str, int] = field(default_factory=dict)
    format: int = FORMAT


@dataclass(frozen=True)
class StoredBackup:
    folder: Path
    manifest: BackupManifest

    @property
    def dump(self) -> Path:
        return self.folder / DUMP_FILE

    def describe(self) -> str:
        found, rows = self.manifest, sum(self.manifest.tables.values())
        contents = (
            f"{rows} rows in {len(found.tables)} tables" if found.tables else "a whole server"
        )
        return (
            f"{self.folder}: {found.kind}, of {found.snapshot_at}, {contents}, "
            f"{found.bytes} bytes, schema {found.schema_revision}"
        )

    def to_fields(self) -> dict[str, Any]:
        found = self.manifest
        return {
            "folder": str(self.folder),
            "kind": found.kind,
            "snapshotAt": found.snapshot_at,
            "finishedAt": found.finished_at,
            "version": found.signalpost_version,
            "schema": found.schema_revision,
            "server": found.server_version,
            "bytes": found.bytes,
            "rows": sum(found.tables.values()),
            "tables": dict(found.tables),
        }


@contextmanager
def staged_backup(parent: Path, at: datetime) -> Iterator[tuple[Path, Path]]:
    """Yield a folder to fill, and the one that it becomes when all is in it and on the disk.

    Errors: CommandFailed if the folder cannot be written or is full. Nothing is left then.
    """
    target = parent / at.astimezone(UTC).strftime(NAME_FORMAT)
    staging = parent / f"{UNFINISHED_PREFIX}{target.name}"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        staging.mkdir(mode=0o700)
        yield staging, target
        sync_folder(staging)
        staging.rename(target)
        sync_folder(parent)
    except OSError as error:
        shutil.rmtree(staging, ignore_errors=True)
        raise describe_file_error(error, parent) from error
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def describe_file_error(error: OSError, folder: Path) -> CommandFailed:
    if error.errno in {ENOSPC, EDQUOT}:
        return room_failure(str(folder))
    advice = "name a folder that this user may write"
    message = f"{error.filename or folder}: {error.strerror}"
    return CommandFailed(CommandFailure(FILE_CODE, message, advice))


def write_manifest(folder: Path, manifest: BackupManifest) -> None:
    descriptor = os.open(folder / MANIFEST_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def load_backup(folder: Path) -> StoredBackup:
    """Errors: CommandFailed if there is no backup in this folder, or one of a newer form."""
    try:
        fields = json.loads((folder / MANIFEST_FILE).read_text())
        manifest = BackupManifest(**fields)
    except FileNotFoundError:
        raise unusable_backup(
            f"{folder} holds no backup", "`signalpost backup list` shows them"
        ) from None
    except (ValueError, TypeError) as error:
        raise unusable_backup(f"{folder / MANIFEST_FILE} cannot be read") from error
    if manifest.format != FORMAT:
        raise unusable_backup(f"{folder} was written by another version of signalpost")
    return StoredBackup(folder, manifest)


def list_backups(parent: Path) -> list[StoredBackup]:
    """Return the backups in a folder, the newest first. Unfinished ones are none."""
    if (parent / MANIFEST_FILE).exists():
        return [load_backup(parent)]
    manifests = parent.glob(f"[!.]*/{MANIFEST_FILE}")
    found = [load_backup(path.parent) for path in manifests]
    return sorted(found, key=lambda backup: backup.manifest.snapshot_at, reverse=True)


def find_backup(folder: Path, *, kind: str | None = None) -> StoredBackup:
    """Return the backup that a folder is, or the newest in it. Errors: CommandFailed."""
    found = [each for each in list_backups(folder) if kind in {None, each.manifest.kind}]
    if not found:
        wanted = "" if kind is None else f"{kind} "
        raise unusable_backup(
            f"{folder} holds no {wanted}backup", "`signalpost backup list` shows them"
        )
    return found[0]


def compute_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_dump(backup: StoredBackup) -> None:
    """Errors: CommandFailed unless the dump is the one that the manifest describes."""
    if not backup.dump.exists():
        raise unusable_backup(f"{backup.dump} is missing")
    size = backup.dump.stat().st_size
    if size != backup.manifest.bytes:
        raise unusable_backup(f"{backup.dump} has {size} bytes instead of {backup.manifest.bytes}")
    if compute_digest(backup.dump) != backup.manifest.sha256:
        raise unusable_backup(f"{backup.dump} was changed: its checksum is another one")


def unusable_backup(message: str, advice: str | None = "use another backup") -> CommandFailed:
    return CommandFailed(CommandFailure(UNUSABLE_CODE, message, advice))


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
