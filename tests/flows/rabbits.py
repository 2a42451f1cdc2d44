"""Debian's RabbitMQ under our own name, port mapper and folders, on loopback alone.

Its start costs ten seconds of a core: there is one for each process of a run, empty for each test,
and started again only where a test killed it.
"""

import os
import pwd
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kombu import Connection, pools

from local.ports import free_port, listens
from tasks.queues import QUEUES
from tests.flows.brokers import Server, until
from tests.flows.ties import begun

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
START = 120.0  # seconds, on a machine that has other things to do


@pytest.fixture(scope="package")
def rabbit() -> Iterator[Server]:
    """Not started yet."""
    if not RABBIT.exists():
        reason = "RabbitMQ is not installed (apt-get install rabbitmq-server)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    user = "rabbitmq" if os.geteuid() == 0 else None
    port = free_port()
    folder = Path(f"/tmp/signalpost-rabbit-{port}")  # noqa: S108 - the account must reach it
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    with a_port_mapper() as mapper_port:
        settings = environment(folder, port, mapper_port)
        server = Server(
            [str(RABBIT)],
            port,
            url,
            folder,
            settings,
            user,
            patience=START,
            farewell=signal.SIGTERM,
        )
        yield server
        server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def a_port_mapper() -> Iterator[int]:
    port = free_port()
    mapper = begun(
        ["epmd", "-address", "127.0.0.1", "-port", str(port)],
        start_new_session=True,
    )
    try:
        until(lambda: listens(port), what="epmd listening")
        yield port
    finally:
        mapper.kill()
        mapper.wait(10)


@pytest.fixture
def rabbit_server(rabbit: Server) -> Server:
    """Running, with nothing of an earlier test in it."""
    if rabbit.ended():
        rabbit.start()
    empty(rabbit.url)
    return rabbit


def empty(url: str) -> None:
    """What is not named here belongs to a connection, and went with it; ours may be broken."""
    pools.reset()
    with Connection(url, connect_timeout=10) as connection:
        for name in QUEUES:
            connection.default_channel.queue_delete(name)


def environment(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
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
