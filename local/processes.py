"""The processes of the house as a table: command, page that answers, patience. Starts none."""

import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.ports import LOOPBACK_HOST

STOP_ORDER = (
    ("web", "beat", "flower"),
    ("worker", "uploads"),
    ("sandbox",),
    ("redis",),
    ("postgres",),
)
"""Who stops before whom: first those who take work in, last those who remember it."""

CELERY_COMMAND = (sys.executable, "-m", "celery", "-A", "tasks.celery:app")

GRANIAN_COMMAND = (
    *(sys.executable, "-m", "granian", "--http", "1", "--no-ws", "--workers", "1"),
    *("--log-level", "warning"),
)

WORKER_OPTIONS = ("--without-mingle", "--without-gossip")
"""Our workers have nothing to tell each other; their heartbeat stays, Flower lives on it."""


@dataclass(frozen=True)
class StackOptions:
    """Where and how large. Ports of what is not wanted are 0."""

    folder: Path
    web_port: int
    sandbox_port: int
    flower_port: int
    worker_processes: int
    upload_processes: int

    @property
    def web_url(self) -> str:
        return loopback_url(self.web_port)

    @property
    def sandbox_url(self) -> str | None:
        return loopback_url(self.sandbox_port) if self.sandbox_port else None

    @property
    def flower_url(self) -> str | None:
        return loopback_url(self.flower_port) if self.flower_port else None


def loopback_url(port: int) -> str:
    return f"http://{LOOPBACK_HOST}:{port}"


@dataclass(frozen=True)
class ProcessDefinition:
    """How it is started, which page says that it serves, and how long it may take to stop.

    Those that need no schema start while it is being brought up.
    """

    command: Callable[[StackOptions, Mapping[str, str]], tuple[str, ...]]
    health_url: str = ""
    stop_timeout: float = 3.0  # seconds
    needs_schema: bool = False


def web_command(options: StackOptions, _: Mapping[str, str]) -> tuple[str, ...]:
    """What each option is good for: docs/decisions/0011 and 0017."""
    return (
        *(*GRANIAN_COMMAND, "--interface", "asgi", "--http1-buffer-size", "16384"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "2"),
        *(
            "--host",
            LOOPBACK_HOST,
            "--port",
            str(options.web_port),
            "--factory",
            "local.web:create_asgi_app",
        ),
    )


def worker_command(options: StackOptions, _: Mapping[str, str]) -> tuple[str, ...]:
    return celery_worker_command(
        "worker", "webhooks,accounts,posts,outbox,insights,housekeeping", options.worker_processes
    )


def uploads_command(options: StackOptions, _: Mapping[str, str]) -> tuple[str, ...]:
    """On their own: no short task waits behind a long film."""
    return celery_worker_command("uploads", "uploads", options.upload_processes)


def celery_worker_command(name: str, queues: str, processes: int) -> tuple[str, ...]:
    return (
        *(
            *CELERY_COMMAND,
            "worker",
            "-P",
            "prefork",
            "-c",
            str(processes),
            "-Q",
            queues,
            "-n",
            worker_node_name(name),
        ),
        *WORKER_OPTIONS,
    )


def worker_node_name(name: str) -> str:
    """As Celery and the watchdog's sign of life call it."""
    return f"{name}@{socket.gethostname()}"


def beat_command(_: StackOptions, __: Mapping[str, str]) -> tuple[str, ...]:
    return (*CELERY_COMMAND, "beat")


def flower_command(options: StackOptions, _: Mapping[str, str]) -> tuple[str, ...]:
    """The password comes through the environment: arguments can be read by everybody."""
    return (
        *CELERY_COMMAND,
        "flower",
        f"--address={LOOPBACK_HOST}",
        f"--port={options.flower_port}",
        "--read_only=True",
    )


def sandbox_command(options: StackOptions, environment: Mapping[str, str]) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "platforms.sandbox", "--port", str(options.sandbox_port)),
        *("--webhook-url", f"{options.web_url}/api/webhooks/tiktok"),
        *("--redirect-uri", environment["TIKTOK_REDIRECT_URI"]),
    )


# The graces of all waves and of the stores, which have two seconds each, make less than 15.
# Celery's own limit is longer: a step that is cut off is claimed again after its lease.
PROCESSES = {
    "sandbox": ProcessDefinition(
        sandbox_command, "{0.sandbox_url}/_sandbox/clock", stop_timeout=1.0
    ),
    "web": ProcessDefinition(web_command, "{0.web_url}/healthz", needs_schema=True),
    "worker": ProcessDefinition(worker_command, stop_timeout=6.0, needs_schema=True),
    "uploads": ProcessDefinition(uploads_command, stop_timeout=6.0, needs_schema=True),
    "beat": ProcessDefinition(beat_command),
    "flower": ProcessDefinition(flower_command, "{0.flower_url}/healthcheck"),
}
