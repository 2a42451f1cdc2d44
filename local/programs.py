"""The processes of the house as a table: command, page that answers, patience. Starts none."""

import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.ports import LOOPBACK

WAVES = (("web", "beat", "flower"), ("worker", "uploads"), ("sandbox",), ("redis",), ("postgres",))
"""Who stops before whom: first those who take work in, last those who remember it."""

CELERY = (sys.executable, "-m", "celery", "-A", "tasks.celery:app")

GRANIAN = (
    *(sys.executable, "-m", "granian", "--http", "1", "--no-ws", "--workers", "1"),
    *("--log-level", "warning"),
)

ALONE = ("--without-mingle", "--without-gossip")
"""Our workers have nothing to tell each other; their heartbeat stays, Flower lives on it."""


@dataclass(frozen=True)
class Site:
    """Where and how large. Ports of what is not wanted are 0."""

    folder: Path
    web: int
    sandbox: int
    flower: int
    workers: int
    uploads: int

    @property
    def web_url(self) -> str:
        return address(self.web)

    @property
    def sandbox_url(self) -> str | None:
        return address(self.sandbox) if self.sandbox else None

    @property
    def flower_url(self) -> str | None:
        return address(self.flower) if self.flower else None


def address(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


@dataclass(frozen=True)
class Process:
    """How it is started, which page says that it serves, and how long it may take to stop.

    Those that need no schema start while it is being brought up.
    """

    command: Callable[[Site, Mapping[str, str]], tuple[str, ...]]
    page: str = ""
    grace: float = 3.0  # seconds
    needs_schema: bool = False


def web(site: Site, _: Mapping[str, str]) -> tuple[str, ...]:
    """What each option is good for: docs/decisions/0011 and 0017."""
    return (
        *(*GRANIAN, "--interface", "asgi", "--http1-buffer-size", "16384"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "2"),
        *("--host", LOOPBACK, "--port", str(site.web), "--factory", "local.web:create_ingress"),
    )


def worker(site: Site, _: Mapping[str, str]) -> tuple[str, ...]:
    return consumer("worker", "webhooks,accounts,posts,outbox,insights,housekeeping", site.workers)


def uploads(site: Site, _: Mapping[str, str]) -> tuple[str, ...]:
    """On their own: no short task waits behind a long film."""
    return consumer("uploads", "uploads", site.uploads)


def consumer(name: str, queues: str, size: int) -> tuple[str, ...]:
    return (
        *(*CELERY, "worker", "-P", "prefork", "-c", str(size), "-Q", queues, "-n", node(name)),
        *ALONE,
    )


def node(name: str) -> str:
    """As Celery and the watchdog's sign of life call it."""
    return f"{name}@{socket.gethostname()}"


def beat(_: Site, __: Mapping[str, str]) -> tuple[str, ...]:
    return (*CELERY, "beat")


def flower(site: Site, _: Mapping[str, str]) -> tuple[str, ...]:
    """The password comes through the environment: arguments can be read by everybody."""
    return (*CELERY, "flower", f"--address={LOOPBACK}", f"--port={site.flower}", "--read_only=True")


def sandbox(site: Site, environment: Mapping[str, str]) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "platforms.sandbox", "--port", str(site.sandbox)),
        *("--webhook-url", f"{site.web_url}/api/webhooks/tiktok"),
        *("--redirect-uri", environment["TIKTOK_REDIRECT_URI"]),
    )


# The graces of all waves and of the stores, which have two seconds each, make less than 15.
# Celery's own limit is longer: a step that is cut off is claimed again after its lease.
PROCESSES = {
    "sandbox": Process(sandbox, "{0.sandbox_url}/_sandbox/clock", grace=1.0),
    "web": Process(web, "{0.web_url}/healthz", needs_schema=True),
    "worker": Process(worker, grace=6.0, needs_schema=True),
    "uploads": Process(uploads, grace=6.0, needs_schema=True),
    "beat": Process(beat),
    "flower": Process(flower, "{0.flower_url}/healthcheck"),
}
