"""Real brokers of our own on loopback, to be killed, frozen and started again."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local import valkey
from local.ports import free_port, listens

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
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

    def start(self) -> "Server":
        with (self.folder / "server.out").open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                env={"PATH": os.environ["PATH"], **self.environment},
                cwd=self.folder,
                stdout=out,
                stderr=out,
                start_new_session=True,
                user=self.user,
            )
        until(lambda: self.ended() or listens(self.port), what=f"{self.command[0]} listening")
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


@pytest.fixture
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Debian's RabbitMQ under our own name, port mapper and folders, on loopback alone."""
    if not RABBIT.exists():
        reason = "RabbitMQ is not installed (apt-get install rabbitmq-server)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    user = "rabbitmq" if os.geteuid() == 0 else None
    folder = Path(f"/tmp/signalpost-rabbit-{free_port()}")  # noqa: S108 - the account must reach it
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    port, mapper_port = free_port(), free_port()
    mapper = subprocess.Popen(
        ["epmd", "-address", "127.0.0.1", "-port", str(mapper_port)], start_new_session=True
    )
    until(lambda: listens(mapper_port), what="epmd listening")
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    settings = rabbit_environment(folder, port, mapper_port)
    server = Server([str(RABBIT)], port, url, folder, settings, user)
    try:
        yield server.start()
    finally:
        server.kill()
        mapper.kill()
        mapper.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def rabbit_environment(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_NODENAME": f"signalpost{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    }


@pytest.fixture(params=["redis", "rabbit"])
def broker(request: pytest.FixtureRequest) -> Server:
    return request.getfixturevalue(f"{request.param}_server")
