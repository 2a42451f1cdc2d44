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
ROOM = 4 * 2**30


@dataclass(frozen=True)
class Addresses:
    """Where this run's servers are, without the name or number of a database."""

    postgres: str
    valkey: str

    @property
    def databases(self) -> Databases:
        return Databases(f"{self.postgres}/postgres")

    def url(self, database: str) -> str:
        return f"{self.postgres}/{database}".replace("postgresql:", "postgresql+psycopg2:")

    @contextmanager
    def database(self, template: str = "template1"):
        """The URL of a new one, gone afterwards."""
        name = f"test_{secrets.token_hex(8)}"
        self.databases.create(name, template=template)
        try:
            yield self.url(name)
        finally:
            self.databases.drop(name)


@contextmanager
def one_at_a_time(run: Path):
    """Among all workers of a run."""
    with (run / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def addresses(run: Path) -> Addresses:
    """Of the servers of this run; the first to ask starts them."""
    with one_at_a_time(run):
        if not (run / "addresses").exists():
            start_keeper(run)
        return Addresses(**json.loads((run / "addresses").read_text()))


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


def begin() -> tuple[Path, TextIO]:
    """The folder of a run, and the file that says the run is alive as long as it is open."""
    run = Path(tempfile.mkdtemp(prefix="signalpost-tests-", dir=ground()))
    alive = (run / "alive").open("w")
    fcntl.flock(alive, fcntl.LOCK_EX)
    return run, alive


def ground() -> Path | None:
    """Memory where there is enough of it: a new database is 350 files, and every test has one."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder inside is ours alone
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if roomy else None


def end(run: Path, alive: TextIO) -> None:
    """Nothing of it is left when this returns."""
    kept = (run / "keeper.log").exists()
    alive.close()
    while kept and run.exists():
        time.sleep(0.02)
    shutil.rmtree(run, ignore_errors=True)


def keep(run: Path) -> None:
    """Start both, say where, and stay until the run lets go of its folder."""
    with ExitStack() as servers:
        servers.callback(shutil.rmtree, run)
        postgres = Postgres(run / "postgres", fast=True).start()
        servers.callback(postgres.stop)
        valkey = Valkey(run / "valkey").start()
        servers.callback(valkey.stop)
        told = json.dumps({"postgres": bare(postgres.dsn()), "valkey": bare(valkey.url())})
        (run / "addresses.new").write_text(told)
        (run / "addresses.new").rename(run / "addresses")
        await_the_end(run)


def bare(url: str) -> str:
    return url.rpartition("/")[0]


def await_the_end(run: Path) -> None:
    """Blocks as long as the run's first process holds the lock that only its end releases."""
    with (run / "alive").open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
