"""Whose account and which folder an embedded server runs on. Never widens a folder of others.

Postgres refuses to run as root, so root lends it the account of nobody. The data stay where they
are: a descriptor opened beforehand leads into a folder whose parents nobody may not enter.
"""

import errno
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COPIES = Path("/var/lib/signalpost")
PATIENCE = 10.0  # seconds a dying server has to let go of its folder


class Held(Exception):
    """Another process works in this folder."""


@dataclass(frozen=True)
class Account:
    """Who runs a server when we, being root, may not."""

    user: int
    group: int

    @property
    def drop(self) -> dict[str, Any]:
        """For subprocess."""
        return {"user": self.user, "group": self.group, "extra_groups": []}


def account() -> Account | None:
    """None: we are no root, and run everything as ourselves."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def package(name: str) -> Path:
    """Where a wheel lies. Not imported: these do more than tell where their programs are."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {name} is not installed")
    return Path(spec.origin).parent


def hold(folder: Path, *, patience: float | None = None) -> int:
    """A descriptor of the folder, locked. Inherited by a server it holds as long as that lives.

    Units: seconds. Errors: Held.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    end = time.monotonic() + (PATIENCE if patience is None else patience)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                raise Held(f"{folder} is in use by another process") from None
            time.sleep(0.05)
        else:
            return descriptor


def programs(root: Path, libraries: Path, who: Account | None) -> Path:
    """`root`, or a copy of it where the account can read it.

    Shapes: `libraries` lies beside the package that `root` is a folder of; its programs look for
    it there.
    """
    if who is None or open_to_all(root / "bin" / "postgres"):
        return root
    stamp = f"{root}{(root / 'bin' / 'postgres').stat().st_mtime_ns}"
    place = COPIES / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    if not place.exists():
        copy(root, libraries, place)
    return place / root.parent.name / root.name


def open_to_all(path: Path) -> bool:
    """True if any account may reach and run it."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.resolve().parents))


def copy(root: Path, libraries: Path, place: Path) -> None:
    """Beside its place first, then moved at once: a copy that is there is whole."""
    COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
    COPIES.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(dir=COPIES))
    shutil.copytree(root, fresh / root.parent.name / root.name, symlinks=True)
    shutil.copytree(libraries, fresh / libraries.name)
    for part in (fresh, *fresh.rglob("*")):
        if not part.is_symlink():
            part.chmod(0o755 if part.is_dir() or part.stat().st_mode & 0o100 else 0o644)
    try:
        fresh.rename(place)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        shutil.rmtree(fresh)  # somebody was faster
