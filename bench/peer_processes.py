"""Starts and stops the processes of a peer: its web server and its workers."""

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

PING_TIMEOUT = 0.5  # seconds in which a running Celery worker answers a ping
NODE_PEER_SOURCES = ROOT / "bench" / "peers" / "express_bullmq"


@dataclass(frozen=True)
class PeerContext:
    """Ports, folder, stores and environment for the processes of one peer."""

    options: StackOptions
    resources: StackResources
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """A stack to compare with.

    `programs` builds its processes, one of them named `web`; `install` fetches its dependencies;
    `stores_events` is false if there is nothing to look up afterwards.
    """

    programs: Callable[[PeerContext], list[Program]]
    install: Callable[[], None] = lambda: None
    stores_events: bool = True


@contextmanager
def run_peer(
    peer: Peer, resources: StackResources, settings: Mapping[str, str], *, workers: int
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """Start a peer; yield the URL of its web process and all pids by role; stop it afterwards."""
    peer.install()
    options = StackOptions(
        resources.folder,
        web_port=find_free_port(),
        sandbox_port=0,
        flower_port=0,
        worker_processes=workers,
        upload_processes=0,
    )
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), **settings}
    context = PeerContext(options, resources, environment)
    programs = {program.name: program for program in peer.programs(context)}
    supervisor = Supervisor((["web"], [name for name in programs if name != "web"]))
    try:
        supervisor.start({name: Child(program) for name, program in programs.items()})
        supervisor.wait_until_ready(programs)
        pids = {role: child.pid for role, child in supervisor.children.items()}
        yield options.web_url, {role: pid for role, pid in pids.items() if pid is not None}
    finally:
        supervisor.stop()


def flask_programs(
    application: str, *, tasks: str | None = None
) -> Callable[[PeerContext], list[Program]]:
    """Return the programs of a Flask application on our own web server, with a Celery worker."""

    def programs(context: PeerContext) -> list[Program]:
        web = web_program(context, granian_command(application, context.options))
        return [web, celery_worker_program(tasks, context)] if tasks else [web]

    return programs


def fastapi_arq_programs(context: PeerContext) -> list[Program]:
    """Return one uvicorn process (uvloop, httptools) and arq workers, all without logs."""
    python, port = str(peer_dependencies.PYTHON), str(context.options.web_port)
    web_command = (
        *(python, "-m", "uvicorn", "--host", LOOPBACK_HOST, "--port", port),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        "bench.peers.fastapi_arq.web:app",
    )
    module = "bench.peers.fastapi_arq.worker"
    worker_command = (
        *(python, "-m", "arq", f"{module}.ArqSettings"),
        *("--custom-log-dict", f"{module}.QUIET_LOGGING"),
    )
    return [web_program(context, web_command), *worker_programs(context, worker_command)]


def express_bullmq_programs(context: PeerContext) -> list[Program]:
    """Return one Node process and BullMQ workers."""
    node_environment = {
        "NODE_ENV": "production",
        "NODE_PATH": str(peer_dependencies.NODE_MODULES),
        "PORT": str(context.options.web_port),
    }
    node_context = replace(context, environment={**context.environment, **node_environment})
    return [
        web_program(node_context, ("node", str(NODE_PEER_SOURCES / "web.js"))),
        *worker_programs(node_context, ("node", str(NODE_PEER_SOURCES / "worker.js"))),
    ]


def granian_command(application: str, options: StackOptions) -> tuple[str, ...]:
    """Return our web server's command, for WSGI, with 32 threads."""
    return (
        *(*GRANIAN_COMMAND, "--interface", "wsgi", "--blocking-threads", "32"),
        *("--host", LOOPBACK_HOST, "--port", str(options.web_port), application),
    )


def web_program(context: PeerContext, command: tuple[str, ...]) -> Program:
    return Program(
        name="web",
        command=command,
        log=context.options.folder / "web.log",
        is_ready=lambda: is_http_ok(f"{context.options.web_url}/healthz"),
        environment=context.environment,
        folder=ROOT,
    )


def celery_worker_program(application: str, context: PeerContext) -> Program:
    """Return a Celery worker that logs warnings only: a line per task would be its largest cost."""
    celery = Celery(broker=context.resources.broker)
    return Program(
        name="worker",
        command=(
            *(sys.executable, "-m", "celery", "-A", application, "worker", "--loglevel=WARNING"),
            *("-P", "prefork", "-c", str(context.options.worker_processes), *WORKER_OPTIONS),
        ),
        log=context.options.folder / "worker.log",
        is_ready=lambda: bool(celery.control.ping(timeout=PING_TIMEOUT)),
        environment=context.environment,
        folder=ROOT,
    )


def worker_programs(context: PeerContext, command: tuple[str, ...]) -> list[Program]:
    """Return one program per worker process, as many as the other stacks have."""
    return [
        worker_program(context, command, number)
        for number in range(1, context.options.worker_processes + 1)
    ]


def worker_program(context: PeerContext, command: tuple[str, ...], number: int) -> Program:
    """Return a worker that prints "ready" when it is."""
    log = context.options.folder / f"worker-{number}.log"
    return Program(
        name=f"worker-{number}",
        command=command,
        log=log,
        is_ready=lambda: b"ready" in log.read_bytes(),
        environment=context.environment,
        folder=ROOT,
    )
