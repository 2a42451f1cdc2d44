"""What is measured: our house and its peers, each opened by its name, on a plot of its own."""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import create_engine

from bench import guests, provisions
from bench.ground import Ground, Plot
from bench.memory import OUR_POSTS, OUR_WAITING, PEOPLE, THEIR_POSTS, Memory
from bench.peers import tables
from bench.servers import Peer, flask, running
from local import settings
from local.house import House
from local.ports import free_port
from local.programs import Site, address
from local.settings import Said

WORKERS = 2  # processes that apply, in every stack that has any
NOBODY = address(9)  # in the platform's place: no figure here needs an answer of it
CLIENT_KEY = "bench"


@dataclass(frozen=True)
class Stack:
    """One that answers now. Without a memory nothing is stored, and nothing can be checked."""

    hears: str
    pids: Mapping[str, int]
    memory: Memory | None
    broker: str = field(repr=False)
    secret: str = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # of ours alone


Opener = Callable[[Ground], AbstractContextManager[Stack]]


@contextmanager
def signalpost(
    ground: Ground, *, workers: int = WORKERS, platform: str = NOBODY
) -> Iterator[Stack]:
    """All of it, as `signalpost up` runs it, but for the platform and the dashboard."""
    plot, secret = ground.plot("signalpost"), secrets.token_hex(16)
    site = Site(plot.folder, web=free_port(), sandbox=0, flower=0, workers=workers, uploads=1)
    house = House(site, Said(given(plot, site, secret, platform), {}))
    try:
        house.open()
        memory = Memory(plot.dsn, OUR_POSTS, OUR_WAITING)
        memory.run(PEOPLE)
        hears = f"{site.web_url}/api/webhooks/tiktok"
        children = {role: child.pid for role, child in house.supervisor.children.items()}
        pids = {role: pid for role, pid in children.items() if pid is not None}
        everybody = {**ground.pids, **pids}
        yield Stack(hears, everybody, memory, plot.broker, secret, house.environment)
    finally:
        house.close()


def given(plot: Plot, site: Site, secret: str, platform: str) -> dict[str, str]:
    """Settings of ours only: what this shell or an `.env` says must not change a figure."""
    credentials = {"TIKTOK_CLIENT_KEY": CLIENT_KEY, "TIKTOK_CLIENT_SECRET": secret}
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "DATABASE_URL": plot.url,
        "BROKER_URL": plot.broker,
        **settings.sandbox(platform, site.web_url, credentials),
    }


@contextmanager
def peer(ground: Ground, *, name: str, kind: Peer) -> Iterator[Stack]:
    """Written as small as it goes, on the same server, database and broker."""
    plot, secret = ground.plot(name), secrets.token_hex(16)
    tables.metadata.create_all(create_engine(plot.url))
    stores = {"DATABASE_URL": plot.url, "POSTGRES_DSN": plot.dsn, "BROKER_URL": plot.broker}
    given = {**stores, "WEBHOOK_SECRET": secret}
    with running(kind, plot, given, workers=WORKERS) as (web, pids):
        memory = Memory(plot.dsn, THEIR_POSTS) if kind.stores else None
        yield Stack(f"{web}/webhooks", {**ground.pids, **pids}, memory, plot.broker, secret)


CELERY = "bench.peers.celery_per_event"
PEERS = {
    "noop": Peer(flask("bench.peers.noop:app"), stores=False),
    "inline": Peer(flask("bench.peers.inline:app")),
    "celery_per_event": Peer(flask(f"{CELERY}.web:app", tasks=f"{CELERY}.tasks:app")),
    "fastapi_arq": Peer(guests.fastapi_arq, fetch=provisions.python),
    "express_bullmq": Peer(guests.express_bullmq, fetch=provisions.node),
}

STACKS: Mapping[str, Opener] = {
    "signalpost": signalpost,
    **{name: partial(peer, name=name, kind=kind) for name, kind in PEERS.items()},
}
