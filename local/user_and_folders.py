"""The Unix user, the locked folder and the readable binaries that an embedded server needs.

Postgres refuses to run as root, so root runs it as an account of its own, if the machine has it,
and as `nobody` otherwise: an account is the operator's to create. The data folder stays where it is
and no permission of its parents is changed: the user gets there through a descriptor that was
opened before. Only the binaries are copied, if the user cannot read them.
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

SERVER_ACCOUNT = "signalpost-db"
"""Nothing else runs as this account, while other programs may use `nobody` and read the data."""

SHARED_ACCOUNT = "nobody"
BINARY_COPIES = Path("/var/lib/signalpost")
LOCK_TIMEOUT = 10.0  # seconds until a server that is stopping must have released its folder


class FolderInUse(Exception):
    """Another process holds the lock of this folder."""


@dataclass(frozen=True)
class UnixUser:
    """The user that a server runs as when this process is root."""

    uid: int
    gid: int

    @property
    def popen_options(self) -> dict[str, Any]:
        """Keyword arguments for subprocess."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def find_unprivileged_user() -> UnixUser | None:
    """Return the account of the servers if this process is root.

    None otherwise: servers then run as this process's own user.
    """
    if os.geteuid() != 0:
        return None
    account = find_account(SERVER_ACCOUNT) or pwd.getpwnam(SHARED_ACCOUNT)
    return UnixUser(account.pw_uid, account.pw_gid)


def find_account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def give_folder(folder: Path, user: UnixUser) -> None:
    """Make the folder and everything in it the user's, who may be another than before."""
    if folder.stat().st_uid == user.uid:
        return
    for path in folder.rglob("*"):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    os.chown(folder, user.uid, user.gid)  # last: it says that the rest is done


def find_package_folder(name: str) -> Path:
    """Return a package's folder without importing it: imports of these packages have side effects.

    Errors: FileNotFoundError if it is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {name} is not installed; run `make setup`")
    return Path(spec.origin).parent


def lock_folder(folder: Path, *, timeout: float | None = None) -> int:
    """Lock a folder and return its descriptor. A child that inherits it keeps the lock.

    Units: seconds. Errors: FolderInUse.
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
    """Return `root`, or a copy of it that `user` can read.

    Shapes: `root` is a folder in a package, `libraries` a folder beside that package; the programs
    in `root` load them by that relative path.
    """
    if user is None or is_readable_by_all(root / "bin" / "postgres"):
        return root
    stamp = f"{root}{(root / 'bin' / 'postgres').stat().st_mtime_ns}"
    target = BINARY_COPIES / hashlib.sha256(stamp.encode()).hexdigest()[:16]
    if not target.exists():
        copy_binaries(root, libraries, target)
    return target / root.parent.name / root.name


def is_readable_by_all(path: Path) -> bool:
    """Return whether any user can reach and execute the file, also by links on the way to it."""
    parents = {*path.absolute().parents, *path.resolve().parents}
    return all(part.stat().st_mode & 0o001 for part in (path, *parents))


def copy_binaries(root: Path, libraries: Path, target: Path) -> None:
    """Copy to a temporary folder first, then rename: a copy that exists is complete."""
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
        shutil.rmtree(staging)  # another process was faster
