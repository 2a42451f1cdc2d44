"""The processes of a peer: started together, stopped together, with what it is told in between."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from celery import Celery

from bench.ground import ROOT, Plot
from local.child import Child, Program
from local.ports import LOOPBACK, free_port
from local.probe import says_ok
from local.programs import ALONE, GRANIAN, Site
from local.supervisor import Supervisor

ANSWER = 0.5  # seconds in which a worker that is up answers a ping


@dataclass(frozen=True)
class Place:
    """Where a peer's processes run, and their environment."""

    site: Site
    plot: Plot
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """What it runs: `web`, and what else has any name. `fetch` installs what it needs."""

    programs: Callable[[Place], list[Program]]
    fetch: Callable[[], None] = lambda: None
    stores: bool = True


@contextmanager
def running(
    peer: Peer, plot: Plot, given: Mapping[str, str], *, workers: int
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """The address of its web process, and all pids by role; stopped afterwards."""
    peer.fetch()
    site = Site(plot.folder, web=free_port(), sandbox=0, flower=0, workers=workers, uploads=0)
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), **given}
    programs = {each.name: each for each in peer.programs(Place(site, plot, environment))}
    supervisor = Supervisor((["web"], [name for name in programs if name != "web"]))
    try:
        supervisor.add({name: Child(program) for name, program in programs.items()})
        supervisor.wait(programs)
        pids = {role: child.pid for role, child in supervisor.children.items()}
        yield site.web_url, {role: pid for role, pid in pids.items() if pid is not None}
    finally:
        supervisor.stop()


def flask(application: str, *, tasks: str | None = None) -> Callable[[Place], list[Program]]:
    """An application on our own web server; without `tasks` it has no worker."""

    def programs(place: Place) -> list[Program]:
        web = listener(place, our_server(application, place.site))
        return [web, consumer(tasks, place)] if tasks else [web]

    return programs


def our_server(application: str, site: Site) -> tuple[str, ...]:
    """Ours, with as many threads as Flask has there."""
    return (
        *(*GRANIAN, "--interface", "wsgi", "--blocking-threads", "32"),
        *("--host", LOOPBACK, "--port", str(site.web), application),
    )


def listener(place: Place, command: tuple[str, ...]) -> Program:
    return Program(
        name="web",
        command=command,
        log=place.site.folder / "web.log",
        ready=lambda: says_ok(f"{place.site.web_url}/healthz"),
        environment=place.environment,
        folder=ROOT,
    )


def consumer(application: str, place: Place) -> Program:
    """Quiet: a line per task would be its largest cost."""
    asked = Celery(broker=place.plot.broker)
    return Program(
        name="worker",
        command=(
            *(sys.executable, "-m", "celery", "-A", application, "worker", "--loglevel=WARNING"),
            *("-P", "prefork", "-c", str(place.site.workers), *ALONE),
        ),
        log=place.site.folder / "worker.log",
        ready=lambda: bool(asked.control.ping(timeout=ANSWER)),
        environment=place.environment,
        folder=ROOT,
    )
