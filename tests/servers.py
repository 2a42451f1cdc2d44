"""The servers of one run: an embedded Postgres and a Valkey, started when a test first asks.

All xdist workers share them. They live in a keeper process of their own, which ends with the run,
however that ends; so no test waits for servers it does not need, and none outlives its run.
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

from local.databases import Databases
from local.postgres import Postgres
from local.valkey import Valkey

ROOT = Path(__file__).parents[1]
MIN_FREE_BYTES = 4 * 2**30


@dataclass(frozen=True)
class ServerAddresses:
    """Where this run's servers are, without the name or number of a database."""

    postgres: str
    valkey: str

    @property
    def databases(self) -> Databases:
        return Databases(f"{self.postgres}/postgres")

    def url(self, database: str) -> str:
        return f"{self.postgres}/{database}".replace("postgresql:", "postgresql+psycopg2:")

    @contextmanager
    def temporary_database(self, template: str = "template1"):
        """The URL of a new one, gone afterwards."""
        name = f"test_{secrets.token_hex(8)}"
        self.databases.create(name, template=template)
        try:
            yield self.url(name)
        finally:
            self.databases.drop(name)


@contextmanager
def run_lock(run: Path):
    """Among all workers of a run."""
    with (run / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_servers(run: Path) -> ServerAddresses:
    """Of the servers of this run; the first to ask starts them."""
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
    """The folder of a run, and the file that says the run is alive as long as it is open."""
    run = Path(tempfile.mkdtemp(prefix="signalpost-tests-", dir=data_root()))
    alive_file = (run / "alive").open("w")
    fcntl.flock(alive_file, fcntl.LOCK_EX)
    return run, alive_file


def data_root() -> Path | None:
    """Memory where there is enough of it: a new database is 350 files, and every test has one."""
    shared_memory = Path("/dev/shm")
    has_room = (
        os.access(shared_memory, os.W_OK) and shutil.disk_usage(shared_memory).free > MIN_FREE_BYTES
    )
    return shared_memory if has_room else None


def end_run(run: Path, alive_file: TextIO) -> None:
    """Nothing of it is left when this returns."""
    has_servers = (run / "keeper.log").exists()
    alive_file.close()
    while has_servers and run.exists():
        time.sleep(0.02)
    shutil.rmtree(run, ignore_errors=True)


def run_servers(run: Path) -> None:
    """Start both, say where, and stay until the run lets go of its folder."""
    with ExitStack() as servers:
        servers.callback(shutil.rmtree, run)
        postgres = Postgres(run / "postgres", fast=True).start()
        servers.callback(postgres.stop)
        valkey = Valkey(run / "valkey").start()
        servers.callback(valkey.stop)
        addresses_json = json.dumps(
            {"postgres": strip_database(postgres.dsn()), "valkey": strip_database(valkey.url())}
        )
        (run / "addresses.new").write_text(addresses_json)
        (run / "addresses.new").rename(run / "addresses")
        wait_for_run_end(run)


def strip_database(url: str) -> str:
    return url.rpartition("/")[0]


def wait_for_run_end(run: Path) -> None:
    """Blocks as long as the run's first process holds the lock that only its end releases."""
    with (run / "alive").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)


if __name__ == "__main__":
    run_servers(Path(sys.argv[1]))
