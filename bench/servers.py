"""The processes of a peer: the web server with our own options, and Celery beside it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from celery import Celery

from bench.ground import ROOT, Plot
from local.child import Child, Program
from local.ports import free_port
from local.probe import says_ok
from local.programs import ALONE, WAVES, Site, web
from local.supervisor import Supervisor

ANSWER = 0.5  # seconds in which a worker that is up answers a ping


@dataclass(frozen=True)
class Peer:
    """Where its applications are; without `tasks` it has no worker."""

    web: str
    tasks: str | None = None
    stores: bool = True


@contextmanager
def running(
    peer: Peer, plot: Plot, given: Mapping[str, str], *, workers: int
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The address of its web process, and all pids by role; stopped afterwards."""
    site = Site(plot.folder, web=free_port(), sandbox=0, flower=0, workers=workers, uploads=0)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), **given}
    programs = [listener(peer.web, site, environment)]
    if peer.tasks:
        programs.append(consumer(peer.tasks, site, plot.broker, environment))
    supervisor = Supervisor(WAVES)
    try:
        supervisor.add({program.name: Child(program) for program in programs})
        supervisor.wait(program.name for program in programs)
        pids = {role: child.pid for role, child in supervisor.children.items()}
        yield site.web_url, {role: pid for role, pid in pids.items() if pid is not None}
    finally:
        supervisor.stop()


def listener(application: str, site: Site, environment: Mapping[str, str]) -> Program:
    """Our own command, but for what it serves."""
    return Program(
        name="web",
        command=(*web(site, {})[:-1], application),
        log=site.folder / "web.log",
        ready=lambda: says_ok(f"{site.web_url}/healthz"),
        environment=environment,
        folder=ROOT,
    )


def consumer(application: str, site: Site, broker: str, environment: Mapping[str, str]) -> Program:
    """Quiet: a line per task would be its largest cost."""
    asked = Celery(broker=broker)
    return Program(
        name="worker",
        command=(
            *(sys.executable, "-m", "celery", "-A", application, "worker", "--loglevel=WARNING"),
            *("-P", "prefork", "-c", str(site.workers), *ALONE),
        ),
        log=site.folder / "worker.log",
        ready=lambda: bool(asked.control.ping(timeout=ANSWER)),
        environment=environment,
        folder=ROOT,
    )
