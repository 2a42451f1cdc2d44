"""Redis and RabbitMQ servers on loopback that tests can kill, freeze and start again."""

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
from local.ports import find_free_port, is_port_in_use
from tests.flows.child_processes import start_process

WAIT_TIMEOUT = 60.0
"""Seconds; ends what hangs. A promise about time gives `within`."""


def wait_until(
    condition: Callable[[], object], *, within: float = WAIT_TIMEOUT, what: str = "it"
) -> None:
    """Poll until the condition is true. Units: seconds. Errors: AssertionError naming `what`."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {within} s"
        time.sleep(0.02)


@dataclass
class BrokerServer:
    """A broker that can be killed, frozen, and started again with its data on disk."""

    command: list[str]
    port: int
    url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    process: subprocess.Popen[bytes] | None = None
    start_timeout: float = WAIT_TIMEOUT
    parent_death_signal: signal.Signals = signal.SIGKILL

    def start(self) -> "BrokerServer":
        with (self.folder / "server.out").open("ab") as out:
            self.process = start_process(
                self.command,
                env={"PATH": os.environ["PATH"], **self.environment},
                cwd=self.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
                user=self.user,
                parent_death_signal=self.parent_death_signal,
            )
        wait_until(
            lambda: self.has_exited() or is_port_in_use(self.port),
            within=self.start_timeout,
            what=f"{self.command[0]} listening",
        )
        assert not self.has_exited(), (self.folder / "server.out").read_text()[-2000:]
        return self

    def has_exited(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait(10)
            wait_until(lambda: not is_port_in_use(self.port), what="the port closed")

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the whole process group: RabbitMQ's runtime starts child processes."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[BrokerServer]:
    port = find_free_port()
    options = {"bind": "127.0.0.1", "port": port, "save": "", "appendonly": "yes"}
    folder = tmp_path / "redis"
    folder.mkdir()
    command = [
        str(valkey.find_server_binary()),
        *(argument for k, v in options.items() for argument in (f"--{k}", str(v))),
    ]
    server = BrokerServer(command, port, f"redis://127.0.0.1:{port}/0", folder)
    yield server.start()
    server.kill()


@pytest.fixture(params=["redis", "rabbit"])
def broker(request: pytest.FixtureRequest) -> BrokerServer:
    return request.getfixturevalue(f"{request.param}_server")
