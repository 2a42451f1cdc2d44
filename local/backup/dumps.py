"""Makes and checks backups: a dump of one database, or a base backup of a whole server."""

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

from app.cli.failures import CommandFailed, CommandFailure
from app.cli.progress import ReportStep
from db import schema
from db.backups import DatabaseSnapshot, open_snapshot, read_major_version
from local.backup.manifest import (
    BASE,
    BASE_FOLDER,
    CHUNK_BYTES,
    DUMP_FILE,
    LOGICAL,
    BackupManifest,
    StoredBackup,
    check_dump,
    load_backup,
    staged_backup,
    unusable_backup,
    write_manifest,
)
from local.backup.postgres_programs import (
    FAILED_CODE,
    connection_settings,
    find_program,
    run_program,
)

DUMPED_TABLE = re.compile(r'dumping contents of table "?public"?\."?(\w+)')
LISTED_TABLE = re.compile(r"^\d+; \d+ \d+ TABLE DATA public (\S+) ", re.MULTILINE)
BASE_PROGRESS = re.compile(r"\b(\d{1,20})/(\d{1,20}) kB")
NO_REPLICATION = "permission denied to start WAL sender"
PACKAGE = "signalpost"


def dump_database(url: str, parent: Path, report_step: ReportStep) -> StoredBackup:
    """Dump the database into a new folder. Errors: CommandFailed, DatabaseUnavailable."""
    with staged_backup(parent, datetime.now(UTC)) as (staging, target), open_snapshot(url) as found:
        if found.revision is None:
            message = "the database has no tables of signalpost"
            raise CommandFailed(CommandFailure(FAILED_CODE, message, "check DATABASE_URL"))
        size, digest = write_dump(url, staging / DUMP_FILE, found, report_step)
        write_manifest(
            staging,
            BackupManifest(
                kind=LOGICAL,
                snapshot_at=found.at.isoformat(),
                finished_at=datetime.now(UTC).isoformat(),
                signalpost_version=version(PACKAGE),
                schema_revision=found.revision,
                server_version=found.server_version,
                bytes=size,
                sha256=digest,
                tables=found.tables,
            ),
        )
    return load_backup(target)


def write_dump(
    url: str, path: Path, found: DatabaseSnapshot, report_step: ReportStep
) -> tuple[int, str]:
    """Return size and checksum of the dump."""
    program = find_program("pg_dump", server_version=found.server_version)
    digest, dumped = hashlib.sha256(), 0

    def read_line(line: str) -> None:
        nonlocal dumped
        if match := DUMPED_TABLE.search(line):
            dumped += 1
            report_step(f"table {match[1]}", dumped, len(found.tables))

    def copy_output(stream: IO[bytes]) -> None:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    with connection_settings(url) as (conninfo, environment):
        run_program(
            [
                *(program.path, "--format=custom", "--no-owner", "--no-privileges", "--verbose"),
                *(f"--snapshot={found.snapshot_id}", "--no-password", f"--dbname={conninfo}"),
            ],
            environment,
            read_line=read_line,
            read_output=copy_output,
        )
    return path.stat().st_size, digest.hexdigest()


def back_up_server(url: str, parent: Path, report_step: ReportStep) -> StoredBackup:
    """Copy the whole server, for a restore to any later moment with its archived WAL.

    Errors: CommandFailed, also if the role may not copy; DatabaseUnavailable.
    """
    server_version, begun_at = read_major_version(url), datetime.now(UTC)
    with staged_backup(parent, begun_at) as (staging, target):
        copy_server(url, staging / BASE_FOLDER, server_version, report_step)
        files = [path for path in (staging / BASE_FOLDER).rglob("*") if path.is_file()]
        write_manifest(
            staging,
            BackupManifest(
                kind=BASE,
                snapshot_at=begun_at.isoformat(),
                finished_at=datetime.now(UTC).isoformat(),
                signalpost_version=version(PACKAGE),
                schema_revision=schema.read_schema_status(url).current,
                server_version=server_version,
                bytes=sum(path.stat().st_size for path in files),
            ),
        )
    return load_backup(target)


def copy_server(url: str, folder: Path, server_version: int, report_step: ReportStep) -> None:
    program = find_program("pg_basebackup", server_version=server_version)

    def read_line(line: str) -> None:
        if match := BASE_PROGRESS.search(line):
            report_step("kB copied", int(match[1]), int(match[2]))

    with connection_settings(url) as (conninfo, environment):
        command: list[str | Path] = [
            *(program.path, f"--pgdata={folder}", "--checkpoint=fast", "--wal-method=stream"),
            *("--manifest-checksums=SHA256", "--progress", "--no-password", f"--dbname={conninfo}"),
        ]
        try:
            run_program(command, environment, read_line=read_line)
        except CommandFailed as error:
            if NO_REPLICATION not in error.failure.message:
                raise
            message = "the role of this URL may not copy the server"
            advice = "name one with REPLICATION: --from URL, or `ALTER ROLE … REPLICATION`"
            raise CommandFailed(CommandFailure(FAILED_CODE, message, advice)) from error


def verify_backup(backup: StoredBackup) -> None:
    """Errors: CommandFailed if anything of the backup is missing or was changed."""
    VERIFIERS[backup.manifest.kind](backup)


def verify_dump(backup: StoredBackup) -> None:
    """Compare the checksum, and the tables that pg_restore finds with those of the manifest."""
    check_dump(backup)
    program = find_program("pg_restore", server_version=backup.manifest.server_version)
    listing = run_quietly([program.path, "--list", backup.dump], backup)
    missing = sorted(set(backup.manifest.tables) - set(LISTED_TABLE.findall(listing)))
    if missing:
        raise unusable_backup(f"{backup.dump} lacks the tables {', '.join(missing)}")


def verify_base(backup: StoredBackup) -> None:
    version_needed = backup.manifest.server_version
    program = find_program("pg_verifybackup", server_version=version_needed)
    run_quietly([program.path, backup.folder / BASE_FOLDER], backup)


def run_quietly(command: list[str | Path], backup: StoredBackup) -> str:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise unusable_backup(f"{backup.folder}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


MAKERS: dict[str, Callable[[str, Path, ReportStep], StoredBackup]] = {
    LOGICAL: dump_database,
    BASE: back_up_server,
}
VERIFIERS: dict[str, Callable[[StoredBackup], None]] = {LOGICAL: verify_dump, BASE: verify_base}
