"""Passwords known from breaches, looked up in a file that the operator has downloaded.

The file is that of Have I Been Pwned: one line for each password, its SHA-1 in upper-case hex, a
colon and how often it was seen, in the order of the hashes. It has 40 GB, so it is searched where
it lies: some forty reads of a line. Nothing is asked of a service.

Source: https://haveibeenpwned.com/Passwords, read 2026-11-30.
"""

import hashlib
from pathlib import Path
from typing import BinaryIO

from core.errors import ServiceUnavailable
from db.session import Session

SESSION_KEY = "breached_passwords"
"""Key in `Session.info` of the file: those who set passwords have a session and no settings."""

HASH_CHARS = 40


def find_breached_file(session: Session) -> Path | None:
    """The file of the database that this session belongs to, if BREACHED_PASSWORDS names one."""
    file: Path | None = session.info.get(SESSION_KEY)
    return file


def is_breached(text: str, file: Path) -> bool:
    """Whether the password is in the file. Errors: ServiceUnavailable if it cannot be read."""
    # The hash names a line of the file; nothing is protected by it.
    digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with file.open("rb") as lines:
            return has_line(lines, digest)
    except OSError as error:
        raise ServiceUnavailable(
            f"passwords cannot be checked: BREACHED_PASSWORDS: {error.strerror}"
        ) from error


def has_line(lines: BinaryIO, digest: bytes) -> bool:
    """Whether a line begins with these characters. Halves the part of the file that may have it."""
    first, last = 0, lines.seek(0, 2)
    while first < last:
        middle = (first + last) // 2
        begin, line = read_line_from(lines, middle)
        found = line[:HASH_CHARS].upper()
        if found == digest:
            return True
        if line and found < digest:
            first = begin + len(line)
        else:
            last = middle
    return False


def read_line_from(lines: BinaryIO, position: int) -> tuple[int, bytes]:
    """The first line that begins at this position or after it, and where it begins."""
    if position > 0:
        lines.seek(position - 1)
        lines.readline()
    else:
        lines.seek(0)
    return lines.tell(), lines.readline()
