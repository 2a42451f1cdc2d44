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

BINARY_COPIES = Path("/var/lib/signalpost")
LOCK_TIMEOUT = 10.0  # seconds a dying server has to let go of its folder


class FolderInUse(Exception):
    """Another process works in this folder."""


@dataclass(frozen=True)
class UnixUser:
    """Who runs a server when we, being root, may not."""

    uid: int
    gid: int

    @property
    def popen_options(self) -> dict[str, Any]:
        """For subprocess."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def find_unprivileged_user() -> UnixUser | None:
    """None: we are no root, and run everything as ourselves."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return UnixUser(nobody.pw_uid, nobody.pw_gid)


def find_package_folder(name: str) -> Path:
    """Where a wheel lies. Not imported: these do more than tell where their programs are."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {name} is not installed")
    return Path(spec.origin).parent


def lock_folder(folder: Path, *, timeout: float | None = None) -> int:
    """A descriptor of the folder, locked. Inherited by a server it holds as long as that lives.

    Units: seconds. Errors: Held.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    deadline = time.monotonic() + (LOCK_TIMEOUT if timeout is None else timeout)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise FolderInUse(f"{folder} is in use by another process") from None
            time.sleep(0.05)
        else:
            return descriptor


def prepare_binaries(root: Path, libraries: Path, user: UnixUser | None) -> Path:
    """`root`, or a copy of it where the account can read it.

    Shapes: `libraries` lies beside the package that `root` is a folder of; its programs look for
    it there.
    """
    if user is None or is_readable_by_all(root / "bin" / "postgres"):
        return root
    stamp = f"{root}{(root / 'bin' / 'postgres').stat().st_mtime_ns}"
    target = BINARY_COPIES / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    if not target.exists():
        copy_binaries(root, libraries, target)
    return target / root.parent.name / root.name


def is_readable_by_all(path: Path) -> bool:
    """True if any account may reach and run it."""
    return all(part.stat().st_mode & 0o001 for part in (path, *path.resolve().parents))


def copy_binaries(root: Path, libraries: Path, target: Path) -> None:
    """Beside its place first, then moved at once: a copy that is there is whole."""
    BINARY_COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
    BINARY_COPIES.chmod(0o755)
    staging = Path(tempfile.mkdtemp(dir=BINARY_COPIES))
    shutil.copytree(root, staging / root.parent.name / root.name, symlinks=True)
    shutil.copytree(libraries, staging / libraries.name)
    for part in (staging, *staging.rglob("*")):
        if not part.is_symlink():
            part.chmod(0o755 if part.is_dir() or part.stat().st_mode & 0o100 else 0o644)
    try:
        staging.rename(target)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        shutil.rmtree(staging)  # somebody was faster
