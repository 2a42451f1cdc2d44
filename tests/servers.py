"""The embedded Postgres and Valkey of one test run, started when a test first needs them.

All xdist workers share them. They run under a separate keeper process, which ends with the run,
even if the run is killed.
"""

import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from local.database_roles import APPLICATION_ROLE, OWNER_ROLE, ensure_roles
from local.databases import Databases
from local.postgres import Postgres
from local.valkey import Valkey

ROOT = Path(__file__).parents[1]
MIN_FREE_BYTES = 4 * 2**30


@dataclass(frozen=True)
class ServerAddresses:
    """The URLs of this run's servers, without the name or number of a database.

    `postgres` is that of the application's role, as our processes have it.
    """

    postgres: str
    valkey: str

    @property
    def databases(self) -> Databases:
        return Databases(owner_url(f"{self.postgres}/postgres"))

    def url(self, database: str) -> str:
        return f"{self.postgres}/{database}".replace("postgresql:", "postgresql+psycopg2:")

    @contextmanager
    def temporary_database(self, template: str = "template1"):
        """Create a database, yield its URL and drop it afterwards."""
        name = f"test_{secrets.token_hex(8)}"
        self.databases.create(name, template=template)
        try:
            yield self.url(name)
        finally:
            self.databases.drop(name)


def owner_url(url: str) -> str:
    """Return the URL with the role that owns the tables and databases of the tests."""
    return url.replace(f"//{APPLICATION_ROLE}:", f"//{OWNER_ROLE}:")


@contextmanager
def run_lock(run: Path):
    """Lock out the other workers of the run."""
    with (run / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_servers(run: Path) -> ServerAddresses:
    """Return the addresses of this run's servers. The first caller starts them."""
    with run_lock(run):
        if not (run / "addresses").exists():
            start_keeper(run)
        return ServerAddresses(**json.loads((run / "addresses").read_text()))


def start_keeper(run: Path) -> None:
    with (run / "keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers", str(run)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    while not (run / "addresses").exists():
        assert keeper.poll() is None, (run / "keeper.log").read_text()
        time.sleep(0.02)


def begin_run() -> tuple[Path, TextIO]:
    """Create the run's folder and a locked file; the run counts as alive while the file is open."""
    run = Path(tempfile.mkdtemp(prefix="signalpost-tests-", dir=data_root()))
    alive_file = (run / "alive").open("w")
    fcntl.flock(alive_file, fcntl.LOCK_EX)
    return run, alive_file


def data_root() -> Path | None:
    """Return /dev/shm if it has enough space: each test gets a new database, which is 350 files."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - the run's folder in it is private
    has_space = (
        os.access(shared_memory, os.W_OK) and shutil.disk_usage(shared_memory).free > MIN_FREE_BYTES
    )
    return shared_memory if has_space else None


def end_run(run: Path, alive_file: TextIO) -> None:
    """End the run and wait until its servers have stopped and its folder is deleted."""
    has_servers = (run / "keeper.log").exists()
    alive_file.close()
    while has_servers and run.exists():
        time.sleep(0.02)
    shutil.rmtree(run, ignore_errors=True)


def run_servers(run: Path) -> None:
    """Start both servers, publish their addresses in a file, and keep them until the run ends."""
    with ExitStack() as servers:
        servers.callback(shutil.rmtree, run)
        postgres = Postgres(run / "postgres", fast=True).start()
        servers.callback(postgres.stop)
        # The same password for both roles, so that `owner_url` needs no more than the URL.
        password = postgres.role_password(APPLICATION_ROLE)
        ensure_roles(postgres.databases, {APPLICATION_ROLE: password, OWNER_ROLE: password})
        with (
            postgres.databases.open_cursor() as cur
        ):  # a test decides which side of a deadlock ends
            cur.execute(f"GRANT SET ON PARAMETER deadlock_timeout TO {OWNER_ROLE}")
        valkey = Valkey(run / "valkey").start()
        servers.callback(valkey.stop)
        addresses_json = json.dumps(
            {
                "postgres": strip_database(postgres.dsn(role=APPLICATION_ROLE)),
                "valkey": strip_database(valkey.url()),
            }
        )
        (run / "addresses.new").write_text(addresses_json)
        (run / "addresses.new").rename(run / "addresses")
        wait_for_run_end(run)


def strip_database(url: str) -> str:
    return url.rpartition("/")[0]


def wait_for_run_end(run: Path) -> None:
    """Block until the run's main process closes the alive file, or dies."""
    with (run / "alive").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)


if __name__ == "__main__":
    run_servers(Path(sys.argv[1]))
