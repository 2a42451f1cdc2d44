"""Real brokers of our own on loopback, to be killed, frozen and started again."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local import valkey
from local.ports import free_port, listens
from tests.flows.ties import begun

PATIENCE = 30.0


def until(true: Callable[[], object], *, within: float = PATIENCE, what: str = "it") -> None:
    """Await a condition; says what did not come true."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, f"{what} did not happen within {within} s"
        time.sleep(0.02)


@dataclass
class Server:
    """A broker that can be killed, frozen, and started again with what it had on disk."""

    command: list[str]
    port: int
    url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None
    patience: float = PATIENCE
    farewell: signal.Signals = signal.SIGKILL

    def start(self) -> "Server":
        with (self.folder / "server.out").open("ab") as out:
            self.process = begun(
                self.command,
                env={"PATH": os.environ["PATH"], **self.environment},
                cwd=self.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
                user=self.user,
                farewell=self.farewell,
            )
        until(
            lambda: self.ended() or listens(self.port),
            within=self.patience,
            what=f"{self.command[0]} listening",
        )
        assert not self.ended(), (self.folder / "server.out").read_text()[-2000:]
        return self

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait(10)
            until(lambda: not listens(self.port), what="the port closed")

    def signal(self, number: signal.Signals) -> None:
        """To the whole group: RabbitMQ's runtime has children of its own."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    options = {"bind": "127.0.0.1", "port": port, "save": "", "appendonly": "yes"}
    folder = tmp_path / "redis"
    folder.mkdir()
    command = [
        str(valkey.found()),
        *(word for k, v in options.items() for word in (f"--{k}", str(v))),
    ]
    server = Server(command, port, f"redis://127.0.0.1:{port}/0", folder)
    yield server.start()
    server.kill()


@pytest.fixture(params=["redis", "rabbit"])
def broker(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(f"{request.param}_server")
