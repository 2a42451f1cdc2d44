"""The table of signalpost's processes: command, health check URL and time to stop."""

import socket
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.config.roles import ROLE_SETTING
from core.config.settings import Settings
from local.ports import LOOPBACK_HOST
from local.sandboxes import sandbox_options

STOP_ORDER = (
    ("web", "beat", "flower"),
    ("worker", "uploads"),
    ("sandbox",),
    ("redis",),
    ("postgres",),
)
"""Groups that stop one after the other: those that accept work first, the stores last."""

PRIVATE_PROGRAM = (sys.executable, "-m", "local.private_program")

CELERY_COMMAND = (*PRIVATE_PROGRAM, "tasks.program")

GRANIAN_COMMAND = (
    *(*PRIVATE_PROGRAM, "granian", "--http", "1", "--no-ws", "--workers", "1"),
    *("--log-level", "warning"),
)

WORKER_OPTIONS = ("--without-mingle", "--without-gossip")
"""Our workers do not need each other's state. Heartbeats stay on: Flower needs them."""


@dataclass(frozen=True)
class StackOptions:
    """The folder, ports and sizes of a stack. The port of a process that is switched off is 0."""

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
    """How one process is started, checked and stopped.

    Shapes: `command` gets the options and the environment. `health_url` returns the URL that
    answers 200 when the process is ready; without one its heartbeat in the database is checked.
    `health_headers` gets the environment.
    `needs_schema` processes start after the migrations, the others meanwhile.
    """

    command: Callable[[StackOptions, Mapping[str, str]], tuple[str, ...]]
    health_url: Callable[[StackOptions], str] | None = None
    health_headers: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda _environment: {}
    stop_timeout: float = 3.0  # seconds
    needs_schema: bool = False
    is_enabled: Callable[[StackOptions], bool] = lambda _options: True


def web_command(options: StackOptions, _environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return granian's command. The reasons for its options: docs/decisions/0011, 0017, 0034."""
    return (
        *(*GRANIAN_COMMAND, "--interface", "asgi", "--http1-buffer-size", "16384"),
        *("--backlog", "4096", "--backpressure", "16384"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "2"),
        *("--host", LOOPBACK_HOST, "--port", str(options.web_port)),
        *("--factory", "local.web:create_asgi_app"),
    )


def worker_command(options: StackOptions, _environment: Mapping[str, str]) -> tuple[str, ...]:
    return celery_worker_command(
        "worker", "webhooks,accounts,posts,outbox,insights,housekeeping", options.worker_processes
    )


def uploads_command(options: StackOptions, _environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command of a separate worker, so that short tasks do not wait for long uploads."""
    return celery_worker_command("uploads", "uploads", options.upload_processes)


def celery_worker_command(name: str, queues: str, processes: int) -> tuple[str, ...]:
    return (
        *(*CELERY_COMMAND, "worker", "-P", "prefork", "-c", str(processes)),
        *("-Q", queues, "-n", worker_node_name(name), *WORKER_OPTIONS),
    )


def worker_node_name(name: str) -> str:
    """Return the worker's name in Celery, which is also in the name of its heartbeat."""
    return f"{name}@{socket.gethostname()}"


def beat_command(_options: StackOptions, _environment: Mapping[str, str]) -> tuple[str, ...]:
    return (*CELERY_COMMAND, "beat")


def flower_command(options: StackOptions, _environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return Flower's command. Its password is in the environment: any user can read arguments."""
    return (
        *CELERY_COMMAND,
        "flower",
        f"--address={LOOPBACK_HOST}",
        f"--port={options.flower_port}",
        "--read_only=True",
    )


def flower_headers(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the header that opens Flower's pages, of which none is open without its password."""
    settings = Settings.from_env({**environment, ROLE_SETTING: "flower"})
    password = settings.flower_basic_auth.reveal() if settings.flower_basic_auth else ""
    return {"Authorization": "Basic " + b64encode(password.partition(",")[0].encode()).decode()}


def sandbox_command(options: StackOptions, environment: Mapping[str, str]) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "platforms.sandbox", "--port", str(options.sandbox_port)),
        *sandbox_options(options.web_url, environment),
    )


# The longest `stop_timeout` of each group, plus two seconds for each store, is below 15 seconds.
# Celery's own limit is longer: a step that is interrupted is claimed again after its lease.
PROCESSES = {
    "sandbox": ProcessDefinition(
        sandbox_command,
        health_url=lambda options: f"{options.sandbox_url}/_sandbox/clock",
        stop_timeout=1.0,
        is_enabled=lambda options: options.sandbox_port != 0,
    ),
    "web": ProcessDefinition(
        web_command,
        health_url=lambda options: f"{options.web_url}/healthz",
        needs_schema=True,
    ),
    "worker": ProcessDefinition(worker_command, stop_timeout=6.0, needs_schema=True),
    "uploads": ProcessDefinition(uploads_command, stop_timeout=6.0, needs_schema=True),
    "beat": ProcessDefinition(beat_command),
    "flower": ProcessDefinition(
        flower_command,
        health_url=lambda options: f"{options.flower_url}/healthcheck",
        health_headers=flower_headers,
        is_enabled=lambda options: options.flower_port != 0,
    ),
}
