"""Runs Debian's RabbitMQ on loopback with its own node name, port mapper and folders.

A start costs ten seconds of a core, so there is one server per test process. Each test gets it
with empty queues; it is started again only after a test killed it.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from kombu import Connection, pools

from local.ports import find_free_port, is_port_in_use
from tasks.queues import QUEUES
from tests.flows.brokers import BrokerServer, wait_until
from tests.flows.child_processes import start_process
from tests.support.certificate_authority import CertificateAuthority

RABBITMQ_COMMAND = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL_COMMAND = RABBITMQ_COMMAND.with_name("rabbitmqctl")
START_TIMEOUT = 120.0  # seconds, on a busy machine
TLS_NAME = "localhost"
"""The only name in the server's certificate: as 127.0.0.1 it is a server of another name."""


@dataclass
class RabbitServer(BrokerServer):
    """RabbitMQ, which also listens with TLS."""

    tls_port: int = 0
    ca_file: str = ""

    def list_queues(self) -> list[dict[str, object]]:
        """Every queue with its flags, as RabbitMQ knows it."""
        items = ("name", "durable", "auto_delete", "exclusive", "arguments", "messages")
        listed = self.control("--quiet", "--formatter=json", "list_queues", *items)
        queues: list[dict[str, object]] = json.loads(listed)
        return queues

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl and return its output."""
        return subprocess.run(
            [str(CONTROL_COMMAND), *arguments],
            env={"PATH": os.environ["PATH"], **self.environment},
            cwd=self.folder,
            user=self.user,
            check=True,
            capture_output=True,
            text=True,
        ).stdout


@pytest.fixture(scope="package")
def rabbitmq() -> Iterator[RabbitServer]:
    """The server, not started yet."""
    if not RABBITMQ_COMMAND.exists():
        reason = "RabbitMQ is not installed (apt-get install rabbitmq-server)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    user = "rabbitmq" if os.geteuid() == 0 else None
    port = find_free_port()
    folder = Path(f"/tmp/signalpost-rabbit-{port}")  # noqa: S108 - RabbitMQ's user must reach it
    folder.mkdir(mode=0o700)
    if user:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    tls_port = find_free_port()
    ca_file = write_tls_settings(folder, tls_port, user)
    with run_port_mapper() as mapper_port:
        settings = rabbitmq_environment(folder, port, mapper_port)
        server = RabbitServer(
            [str(RABBITMQ_COMMAND)],
            port,
            url,
            folder,
            settings,
            user,
            start_timeout=START_TIMEOUT,
            parent_death_signal=signal.SIGTERM,
            tls_port=tls_port,
            ca_file=ca_file,
        )
        yield server
        server.kill()
    shutil.rmtree(folder, ignore_errors=True)


def write_tls_settings(folder: Path, port: int, user: str | None) -> str:
    """Write the server's settings and its certificate; return the file of its authority."""
    authority = CertificateAuthority(folder / "certificates")
    certificate = authority.issue(TLS_NAME, owner=user)
    settings = {
        "listeners.ssl.1": f"127.0.0.1:{port}",
        "ssl_options.cacertfile": authority.ca_file,
        "ssl_options.certfile": certificate.certificate_file,
        "ssl_options.keyfile": certificate.key_file,
        "ssl_options.verify": "verify_none",
        "ssl_options.fail_if_no_peer_cert": "false",
    }
    (folder / "rabbitmq.conf").write_text(
        "".join(f"{name} = {value}\n" for name, value in settings.items())
    )
    return str(authority.ca_file)


@contextmanager
def run_port_mapper() -> Iterator[int]:
    port = find_free_port()
    mapper = start_process(
        ["epmd", "-address", "127.0.0.1", "-port", str(port)],
        start_new_session=True,
    )
    try:
        wait_until(lambda: is_port_in_use(port), what="epmd listening")
        yield port
    finally:
        mapper.kill()
        mapper.wait(10)


@pytest.fixture
def rabbit_server(rabbitmq: RabbitServer) -> RabbitServer:
    """The server, running, without messages of an earlier test."""
    if rabbitmq.has_exited():
        rabbitmq.start()
    delete_queues(rabbitmq.url)
    return rabbitmq


def delete_queues(url: str) -> None:
    """Delete our queues. All others end with their connection, or a minute after their last use."""
    pools.reset()  # pooled connections may be broken
    with Connection(url, connect_timeout=10) as connection:
        for name in QUEUES:
            connection.default_channel.queue_delete(name)


def rabbitmq_environment(folder: Path, port: int, mapper_port: int) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(mapper_port),
        "RABBITMQ_NODENAME": f"signalpost{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(find_free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1",
    }
