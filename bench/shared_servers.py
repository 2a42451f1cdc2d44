"""The servers that all stacks of one run share: one Postgres (with fsync) and one Valkey.

Each stack gets its own database and its own Valkey database in them.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from local.database_roles import APPLICATION_ROLE, OWNER_ROLE
from local.postgres import Postgres
from local.valkey import Valkey

ROOT = Path(__file__).parents[1]


@dataclass
class SharedServers:
    folder: Path
    postgres: Postgres
    valkey: Valkey
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def pids(self) -> Mapping[str, int]:
        pids = {"postgres": self.postgres.pid, "redis": self.valkey.pid}
        return {role: pid for role, pid in pids.items() if pid is not None}

    def allocate(self, name: str) -> "StackResources":
        """Create a database and a folder, and choose a Valkey database that was never used."""
        number = next(self._numbers)
        name = f"bench_{number}_{name}"
        self.postgres.create_owned_database(name)
        folder = self.folder / name
        folder.mkdir(mode=0o700)
        return StackResources(
            folder,
            self.postgres.dsn(name),
            self.postgres.dsn(name, role=APPLICATION_ROLE),
            self.postgres.dsn(name, role=OWNER_ROLE),
            self.valkey.url(number),
        )


@dataclass(frozen=True)
class StackResources:
    """The folder, database and broker of one stack.

    What is measured has the rights that it has elsewhere: `application_url` and `owner_url`. `dsn`
    is the superuser's, for what the benchmark itself inserts and reads.
    """

    folder: Path
    dsn: str = field(repr=False)
    application_url: str = field(repr=False)
    owner_url: str = field(repr=False)
    broker: str = field(repr=False)


@contextmanager
def start_servers() -> Iterator[SharedServers]:
    """Start both servers; stop them afterwards and delete their data."""
    folder = Path(tempfile.mkdtemp(prefix="signalpost-bench-"))
    with ExitStack() as servers:
        servers.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = Postgres(folder / "postgres").start()
        servers.callback(postgres.stop)
        postgres.create_roles()
        valkey = Valkey(folder / "valkey").start()
        servers.callback(valkey.stop)
        yield SharedServers(folder, postgres, valkey)
