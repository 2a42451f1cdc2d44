"""The stacks that are measured, by name: signalpost and its peers, each with its own database."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from sqlalchemy import create_engine

from bench import peer_dependencies, peer_processes
from bench.peer_processes import Peer, flask_programs, run_peer
from bench.peers import tables
from bench.shared_servers import SharedServers, StackResources
from bench.stack_database import (
    COUNT_OUR_WAITING,
    INSERT_OUR_POSTS,
    INSERT_PEER_POSTS,
    INSERT_USER_AND_ACCOUNTS,
    StackDatabase,
)
from local import stack_settings
from local.ports import find_free_port
from local.processes import StackOptions, loopback_url
from local.stack import LocalStack
from local.stack_settings import GivenSettings

WORKER_PROCESSES = 2  # worker processes of every stack that has workers
UNREACHABLE_PLATFORM = loopback_url(9)  # the discard port: webhook phases never call the platform
CLIENT_KEY = "bench"


@dataclass(frozen=True)
class Stack:
    """A running stack. `database` is None if it stores nothing that could be looked up."""

    webhook_url: str
    pids: Mapping[str, int]
    database: StackDatabase | None
    broker: str = field(repr=False)
    secret: str = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # signalpost only

    def require_database(self) -> StackDatabase:
        """Return the database. Errors: RuntimeError if the stack stores nothing."""
        if self.database is None:
            raise RuntimeError(f"the stack at {self.webhook_url} has no database")
        return self.database


StackOpener = Callable[[SharedServers], AbstractContextManager[Stack]]


@contextmanager
def open_signalpost(
    servers: SharedServers,
    *,
    workers: int = WORKER_PROCESSES,
    platform_url: str = UNREACHABLE_PLATFORM,
    more_settings: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Stack]:
    """Run signalpost as `signalpost up` does, without the sandbox and Flower."""
    resources, secret = servers.allocate("signalpost"), secrets.token_hex(16)
    options = StackOptions(
        resources.folder,
        web_port=find_free_port(),
        sandbox_port=0,
        flower_port=0,
        worker_processes=workers,
        upload_processes=1,
    )
    settings = {
        **signalpost_settings(resources, options, secret, platform_url),
        **more_settings,
    }
    local_stack = LocalStack(options, GivenSettings(settings, {}))
    try:
        local_stack.start()
        database = StackDatabase(resources.dsn, INSERT_OUR_POSTS, COUNT_OUR_WAITING)
        database.execute(INSERT_USER_AND_ACCOUNTS)
        children = {role: child.pid for role, child in local_stack.supervisor.children.items()}
        pids = {role: pid for role, pid in children.items() if pid is not None}
        yield Stack(
            f"{options.web_url}/api/webhooks/tiktok",
            {**servers.pids, **pids},
            database,
            resources.broker,
            secret,
            local_stack.environment,
        )
    finally:
        local_stack.stop()


def signalpost_settings(
    resources: StackResources, options: StackOptions, secret: str, platform_url: str
) -> dict[str, str]:
    """Return all settings. Neither this shell's environment nor `.env` may change a figure."""
    credentials = {"TIKTOK_CLIENT_KEY": CLIENT_KEY, "TIKTOK_CLIENT_SECRET": secret}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "DATABASE_URL": resources.application_url,
        "MIGRATION_DATABASE_URL": resources.owner_url,
        "BROKER_URL": resources.broker,
        **stack_settings.sandbox_settings(platform_url, options.web_url, credentials),
    }


@contextmanager
def open_peer(servers: SharedServers, *, name: str, peer: Peer) -> Iterator[Stack]:
    """Run a peer on the same Postgres and Valkey."""
    resources, secret = servers.allocate(name), secrets.token_hex(16)
    # SQLAlchemy needs the driver's name. A peer has one role, which owns its tables.
    database_url = resources.owner_url.replace("postgresql://", "postgresql+psycopg2://", 1)
    tables.metadata.create_all(create_engine(database_url))
    stores = {
        "DATABASE_URL": database_url,
        "POSTGRES_DSN": resources.owner_url,
        "BROKER_URL": resources.broker,
    }
    peer_settings = {**stores, "WEBHOOK_SECRET": secret}
    with run_peer(peer, resources, peer_settings, workers=WORKER_PROCESSES) as (web_url, pids):
        database = StackDatabase(resources.dsn, INSERT_PEER_POSTS) if peer.stores_events else None
        yield Stack(
            f"{web_url}/webhooks", {**servers.pids, **pids}, database, resources.broker, secret
        )


CELERY_PEER = "bench.peers.celery_per_event"
PEERS = {
    "noop": Peer(flask_programs("bench.peers.noop:app"), stores_events=False),
    "inline": Peer(flask_programs("bench.peers.inline:app")),
    "celery_per_event": Peer(
        flask_programs(f"{CELERY_PEER}.web:app", tasks=f"{CELERY_PEER}.tasks:app")
    ),
    "fastapi_arq": Peer(
        peer_processes.fastapi_arq_programs, install=peer_dependencies.install_python_packages
    ),
    "express_bullmq": Peer(
        peer_processes.express_bullmq_programs, install=peer_dependencies.install_node_packages
    ),
}

STACKS: Mapping[str, StackOpener] = {
    "signalpost": open_signalpost,
    **{name: partial(open_peer, name=name, peer=peer) for name, peer in PEERS.items()},
}
