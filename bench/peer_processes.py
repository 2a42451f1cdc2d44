"""The processes of a peer: started together, stopped together, with what it is told in between."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from celery import Celery

from bench import peer_dependencies
from bench.shared_servers import ROOT, StackResources
from local.child import Child, Program
from local.ports import LOOPBACK_HOST, find_free_port
from local.processes import GRANIAN_COMMAND, WORKER_OPTIONS, StackOptions
from local.readiness import is_http_ok
from local.supervisor import Supervisor

PING_TIMEOUT = 0.5  # seconds in which a worker that is up answers a ping


@dataclass(frozen=True)
class PeerSite:
    """Where a peer's processes run, and their environment."""

    site: StackOptions
    resources: StackResources
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """What it runs: `web`, and what else has any name. `fetch` installs what it needs."""

    programs: Callable[[PeerSite], list[Program]]
    install: Callable[[], None] = lambda: None
    stores_events: bool = True


@contextmanager
def run_peer(
    peer: Peer, resources: StackResources, settings: Mapping[str, str], *, workers: int
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The address of its web process, and all pids by role; stopped afterwards."""
    peer.install()
    site = StackOptions(
        resources.folder,
        web_port=find_free_port(),
        sandbox_port=0,
        flower_port=0,
        worker_processes=workers,
        upload_processes=0,
    )
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), **settings}
    programs = {each.name: each for each in peer.programs(PeerSite(site, resources, environment))}
    supervisor = Supervisor((["web"], [name for name in programs if name != "web"]))
    try:
        supervisor.start({name: Child(program) for name, program in programs.items()})
        supervisor.wait_until_ready(programs)
        pids = {role: child.pid for role, child in supervisor.children.items()}
        yield site.web_url, {role: pid for role, pid in pids.items() if pid is not None}
    finally:
        supervisor.stop()


def flask_programs(
    application: str, *, tasks: str | None = None
) -> Callable[[PeerSite], list[Program]]:
    """An application on our own web server; without `tasks` it has no worker."""

    def programs(peer_site: PeerSite) -> list[Program]:
        web = web_program(peer_site, granian_command(application, peer_site.site))
        return [web, celery_worker_program(tasks, peer_site)] if tasks else [web]

    return programs


def granian_command(application: str, site: StackOptions) -> tuple[str, ...]:
    """Ours, with as many threads as Flask has there."""
    return (
        *(*GRANIAN_COMMAND, "--interface", "wsgi", "--blocking-threads", "32"),
        *("--host", LOOPBACK_HOST, "--port", str(site.web_port), application),
    )


def web_program(peer_site: PeerSite, command: tuple[str, ...]) -> Program:
    return Program(
        name="web",
        command=command,
        log=peer_site.site.folder / "web.log",
        is_ready=lambda: is_http_ok(f"{peer_site.site.web_url}/healthz"),
        environment=peer_site.environment,
        folder=ROOT,
    )


def celery_worker_program(application: str, peer_site: PeerSite) -> Program:
    """Quiet: a line per task would be its largest cost."""
    celery = Celery(broker=peer_site.resources.broker)
    return Program(
        name="worker",
        command=(
            *(sys.executable, "-m", "celery", "-A", application, "worker", "--loglevel=WARNING"),
            *("-P", "prefork", "-c", str(peer_site.site.worker_processes), *WORKER_OPTIONS),
        ),
        log=peer_site.site.folder / "worker.log",
        is_ready=lambda: bool(celery.control.ping(timeout=PING_TIMEOUT)),
        environment=peer_site.environment,
        folder=ROOT,
    )


# MERGED bench.guests: The peers that stand on other servers than ours: what they run, in what they bring along.

NODE_PEER_SOURCES = ROOT / "bench" / "peers" / "express_bullmq"


def fastapi_arq_programs(peer_site: PeerSite) -> list[Program]:
    """One process of uvicorn, on uvloop and httptools, and workers of arq. None logs its work."""
    python = str(peer_dependencies.PYTHON)
    web_command = (
        *(python, "-m", "uvicorn", "--host", LOOPBACK_HOST, "--port", str(peer_site.site.web_port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        "bench.peers.fastapi_arq.web:app",
    )
    settings = "bench.peers.fastapi_arq.worker"
    worker_command = (
        python,
        "-m",
        "arq",
        f"{settings}.Worker",
        "--custom-log-dict",
        f"{settings}.QUIET",
    )
    return [web_program(peer_site, web_command), *worker_programs(peer_site, worker_command)]


def express_bullmq_programs(peer_site: PeerSite) -> list[Program]:
    """One process of Node, and workers of BullMQ."""
    node_environment = {
        "NODE_ENV": "production",
        "NODE_PATH": str(peer_dependencies.NODE_MODULES),
        "PORT": str(peer_site.site.web_port),
    }
    node_site = replace(peer_site, environment={**peer_site.environment, **node_environment})
    return [
        web_program(node_site, ("node", str(NODE_PEER_SOURCES / "web.js"))),
        *worker_programs(node_site, ("node", str(NODE_PEER_SOURCES / "worker.js"))),
    ]


def worker_programs(peer_site: PeerSite, command: tuple[str, ...]) -> list[Program]:
    """As many processes as others have. Each says so when it is ready."""
    return [
        worker_program(peer_site, command, number)
        for number in range(1, peer_site.site.worker_processes + 1)
    ]


def worker_program(peer_site: PeerSite, command: tuple[str, ...], number: int) -> Program:
    log = peer_site.site.folder / f"worker-{number}.log"
    return Program(
        name=f"worker-{number}",
        command=command,
        log=log,
        is_ready=lambda: b"ready" in log.read_bytes(),
        environment=peer_site.environment,
        folder=ROOT,
    )
