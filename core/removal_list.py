"""The list of erasures and revocations, kept outside the database.

A restored backup is older than the database that was lost: it has people who were erased since and
keys that were revoked since. This list says who and which, so that `signalpost restore` removes
them again. It names everything by keyed hashes, one JSON line for each act, and is only appended
to. Each machine writes a file of its own, because several may share the folder.
"""

import json
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from core.crypto import KeyRing
from db.session import Session

SESSION_KEY = "removal_list"
"""Key in `Session.info`: those who revoke have a session and no services."""

FILE_PATTERN = "removals-*.jsonl"
PURPOSE = "removal"


class RemovalKind(StrEnum):
    PERSON = "person"  # a platform requested that everything of a person is erased
    LOGIN = "login"  # one connection was erased
    USER = "user"
    KEY = "key"
    ACCESS = "access"  # all keys and sessions of a user ended: another password
    DISABLED = "disabled"
    ENABLED = "enabled"


class IdentifiedRow(Protocol):
    id: int
    created_at: datetime


@dataclass(frozen=True)
class Removal:
    """One line. `subject_hash` is what `RemovalList.hash_subject` makes of the subject's parts."""

    at: datetime
    kind: RemovalKind
    subject_hash: str


class RemovalList:
    """Appends to the list. Without a folder nothing is written."""

    def __init__(
        self, folder: Path | None, key_ring: KeyRing | None, now: Callable[[], datetime]
    ) -> None:
        self._folder, self._key_ring, self._now = folder, key_ring, now

    def add(self, kind: RemovalKind, *subject: object) -> None:
        """Append a line and wait until the disk has it: before the act is committed.

        An act that fails afterwards is repeated by whoever requested it. A list that cannot be
        written keeps nobody from revoking a key: the line is logged instead, to be added by hand.
        """
        if self._folder is None or self._key_ring is None:
            return
        line = json.dumps(
            {
                "at": self._now().astimezone(UTC).isoformat(),
                "kind": kind,
                "subject": hash_subject(self._key_ring, kind, *subject)[0],
            }
        )
        try:
            append_line(own_file(self._folder), line)
        except OSError as error:
            log_fault("removal_list.not_written", reason=error.strerror, line=line)


def hash_subject(key_ring: KeyRing, kind: RemovalKind, *subject: object) -> tuple[str, ...]:
    """Return a keyed hash for each key of the ring, the current one's first."""
    return key_ring.hash_id(f"{PURPOSE}:{kind}", "\n".join(map(str, subject)))


def identify_row(row: IdentifiedRow) -> tuple[str, str]:
    """Return what no other row is: after a restore, ids are given a second time."""
    return str(row.id), row.created_at.astimezone(UTC).isoformat()


def append_line(path: Path, line: str) -> None:
    """Errors: OSError. A line is written in one piece, so that processes do not mix theirs."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_removals(folder: Path, *, since: datetime) -> list[Removal]:
    """Return what was removed since then, in the order of time. Errors: OSError.

    A line that was cut off by a crash, or is no line of ours, is logged and left out.
    """
    lines = (line for path in sorted(folder.glob(FILE_PATTERN)) for line in open_lines(path))
    removals = [removal for removal in parse_lines(lines) if removal.at >= since]
    return sorted(removals, key=lambda removal: removal.at)


def open_lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def parse_lines(lines: Iterable[str]) -> Iterator[Removal]:
    for line in lines:
        removal = parse_line(line)
        if removal is None:
            log_fault("removal_list.line_unreadable")
        else:
            yield removal


def parse_line(line: str) -> Removal | None:
    """Read one line; None if it is none of ours."""
    try:
        fields = json.loads(line)
        at = datetime.fromisoformat(fields["at"])
        return Removal(at.astimezone(UTC), RemovalKind(fields["kind"]), str(fields["subject"]))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def count_lines(folder: Path) -> tuple[int, int]:
    """Return how many lines the list has, and how many of them cannot be read. Errors: OSError."""
    lines = [line for path in folder.glob(FILE_PATTERN) for line in open_lines(path)]
    return len(lines), sum(parse_line(line) is None for line in lines)


def own_file(folder: Path) -> Path:
    """The file of this machine."""
    return folder / f"removals-{socket.gethostname()}.jsonl"


def log_fault(message: str, **fields: str | None) -> None:
    from structlog import get_logger  # noqa: PLC0415 - what sets up the database logs nothing

    get_logger(__name__).error(message, **fields)


def note_removal(session: Session, kind: RemovalKind, *subject: object) -> None:
    """Append to the list of the database that this session belongs to, if it has one."""
    removal_list: RemovalList | None = session.info.get(SESSION_KEY)
    if removal_list is not None:
        removal_list.add(kind, *subject)
