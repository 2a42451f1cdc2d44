"""Three nodes of RabbitMQ on loopback that form a cluster, and can be killed one by one."""

import os
import pwd
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.ports import find_free_port
from tests.flows.rabbitmq import (
    RABBITMQ_COMMAND,
    START_TIMEOUT,
    RabbitServer,
    rabbitmq_environment,
    run_port_mapper,
)

NODES = 3


@contextmanager
def run_cluster() -> Iterator[list[RabbitServer]]:
    """The running nodes; each knows the URL of all of them."""
    if not RABBITMQ_COMMAND.exists():
        reason = "RabbitMQ is not installed (apt-get install rabbitmq-server)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    root = Path(f"/tmp/signalpost-cluster-{find_free_port()}")  # noqa: S108 - for RabbitMQ's user
    root.mkdir(mode=0o700)
    with run_port_mapper() as mapper_port:
        nodes = [new_node(root, mapper_port) for _ in range(NODES)]
        url = ";".join(f"amqp://guest:guest@127.0.0.1:{node.port}//" for node in nodes)
        for node in nodes:
            node.url = url
        if nodes[0].user:
            give_to_user(root, nodes[0].user)
        try:
            for node in nodes:
                node.start()
                node.control("await_startup")
            for node in nodes[1:]:
                join_cluster(node, nodes[0])
            yield nodes
        finally:
            for node in nodes:
                node.kill()
    shutil.rmtree(root, ignore_errors=True)


def new_node(root: Path, mapper_port: int) -> RabbitServer:
    """A node that is not started. All have one home, and with it one secret of the cluster."""
    port = find_free_port()
    folder = root / str(port)
    folder.mkdir()
    (folder / "rabbitmq.conf").write_text("cluster_partition_handling = pause_minority\n")
    environment = {**rabbitmq_environment(folder, port, mapper_port), "HOME": str(root)}
    return RabbitServer(
        [str(RABBITMQ_COMMAND)],
        port,
        "",
        folder,
        environment,
        "rabbitmq" if os.geteuid() == 0 else None,
        start_timeout=START_TIMEOUT,
        parent_death_signal=signal.SIGTERM,
    )


def give_to_user(root: Path, user: str) -> None:
    for path in (root, *root.rglob("*")):
        shutil.chown(path, user, pwd.getpwnam(user).pw_gid)


def join_cluster(node: RabbitServer, first: RabbitServer) -> None:
    node.control("stop_app")
    node.control("reset")
    node.control("join_cluster", first.environment["RABBITMQ_NODENAME"])
    node.control("start_app")
