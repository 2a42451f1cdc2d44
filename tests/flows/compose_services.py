"""Runs services of docker-compose.yml with podman, each as the file describes it.

Docker Compose itself reads the file; every field of a service becomes options of `podman run`. A
field that is not known here fails, so that none is left out by mistake.
"""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from local.ports import find_free_port
from tests.deploy_tools import ROOT, DeployTools
from tests.flows.brokers import wait_until
from tests.flows.container_engine import ContainerEngine

START_LIMIT = 120.0  # seconds, on a busy machine
DEFAULT_GRACE = 10.0  # seconds, Docker's
SECONDS_OF_UNITS = {"h": 3600, "m": 60, "s": 1}
RUN_SEPARATELY = {
    "build": "the image is built before",
    "image": "given to `podman run` after the options",
    "command": "given after the image",
    "entrypoint": "no service has one",
    "depends_on": "the test starts the services in order",
    "healthcheck": "run by `is_healthy`",
    "logging": "of Docker's daemon",
    "networks": "one network for all, with their names",
    "restart": "what ends by itself is a fault here",
    "stop_grace_period": "given to `podman stop`",
}
"""Fields that are no options of a container, and what becomes of each."""


@dataclass(frozen=True)
class StoppedService:
    status: int
    seconds: float


@dataclass
class ComposeServices:
    """`config` is the file as Docker Compose reads it; `images` are those to run, by service."""

    engine: ContainerEngine
    config: Mapping[str, dict]
    images: Mapping[str, str]
    network: str = field(default_factory=lambda: f"sp{secrets.token_hex(4)}")
    ports: dict[tuple[str, int], int] = field(default_factory=dict)

    def start(
        self, name: str, *, service: str = "", command: tuple[str, ...] = (), **changes: object
    ) -> None:
        """Start a container in the background, in all as its service but what `changes` says.

        `service` is the service in the file if the container has another name.
        """
        described = {**self.config[service or name], **changes}
        environment = self.engine.folder / f"{name}.env"
        lines = [f"{key}={value or ''}" for key, value in described["environment"].items()]
        environment.write_text("".join(f"{line}\n" for line in lines))
        environment.chmod(0o600)
        self.engine.run(
            *("podman", "run", "--detach", f"--name={self.container(name)}"),
            *(f"--network={self.network}", f"--network-alias={name}"),
            f"--env-file={environment}",
            *self.list_options(name, described),
            self.images.get(service or name, self.images[""]),
            *(command or [unescape_dollars(word) for word in described.get("command") or ()]),
        )

    def container(self, name: str) -> str:
        return f"{self.network}-{name}"

    def list_options(self, name: str, described: Mapping[str, object]) -> Iterator[str]:
        for key, value in described.items():
            if key == "ports":
                yield from (self.publish_port(name, port["target"]) for port in value)
            elif key not in RUN_SEPARATELY and key != "environment":
                yield from OPTIONS[key](value)

    def publish_port(self, name: str, port: int) -> str:
        """The port of the file may be taken on this machine: a free one takes its place."""
        self.ports[name, port] = find_free_port()
        return f"--publish=127.0.0.1:{self.ports[name, port]}:{port}"

    def execute(self, name: str, *command: str, check: bool = True) -> str:
        """Run a command in a container, as its user, and return what it wrote."""
        words = ("podman", "exec", self.container(name), *command)
        return self.engine.run(*words, check=check).stdout

    def is_healthy(self, name: str, service: str = "") -> bool:
        """Run the health check of the service."""
        kind, *command = self.config[service or name]["healthcheck"]["test"]
        words = [unescape_dollars(word) for word in command]
        shell = ("sh", "-c") if kind == "CMD-SHELL" else ()
        container = self.container(name)
        return not self.engine.run(
            "podman", "exec", container, *shell, *words, check=False
        ).returncode

    def wait_until_healthy(self, *names: str) -> None:
        for name in names:
            wait_until(
                lambda name=name: self.is_healthy(name) or self.find_end(name),
                within=START_LIMIT,
                what=f"health of {name}",
            )
            assert self.find_end(name) is None, self.read_log(name)

    def wait_until_done(self, name: str) -> int:
        """Wait for the end of a container and return its status."""
        words = ("podman", "wait", self.container(name))
        return int(self.engine.run(*words).stdout)

    def find_end(self, name: str) -> int | None:
        """Return the status with which a container ended, or None while it runs."""
        state = self.inspect(name)["State"]
        return None if state["Running"] else state["ExitCode"]

    def inspect(self, name: str) -> dict:
        (found,) = json.loads(self.engine.run("podman", "inspect", self.container(name)).stdout)
        return found

    def list_processes(self, name: str) -> list[psutil.Process]:
        """The processes of a container, seen from this machine."""
        root = psutil.Process(self.inspect(name)["State"]["Pid"])
        return [root, *root.children(recursive=True)]

    def list_changed_files(self, name: str) -> list[str]:
        """What differs from the image, outside of what is mounted."""
        process_id = self.inspect(name)["State"]["Pid"]
        lines = Path(f"/proc/{process_id}/mountinfo").read_text().splitlines()
        mounts = {Path(line.split()[4]) for line in lines} - {Path("/")}
        mounted = mounts.union(*(mount.parents for mount in mounts))
        changes = self.engine.run("podman", "diff", self.container(name)).stdout.splitlines()
        return [change for change in changes if Path(change.partition(" ")[2]) not in mounted]

    def read_log(self, name: str) -> str:
        done = self.engine.run("podman", "logs", self.container(name))
        return done.stdout + done.stderr

    def stop(self, name: str, *, service: str = "") -> StoppedService:
        """Stop a container as Docker Compose does: SIGTERM, and SIGKILL when its grace is over."""
        grace = self.grace_of(service or name)
        started_at = time.monotonic()
        self.engine.run("podman", "stop", f"--time={grace:.0f}", self.container(name))
        return StoppedService(self.find_end(name), time.monotonic() - started_at)

    def grace_of(self, service: str) -> float:
        text = self.config[service].get("stop_grace_period")
        return parse_duration(text) if text else DEFAULT_GRACE


def read_config(tools: DeployTools, variables: Mapping[str, str], folder: Path) -> dict[str, dict]:
    """Return the services of docker-compose.yml with these values in `.env`."""
    env_file = folder / "compose.env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    options = ("--file", ROOT / "docker-compose.yml", "--env-file", env_file)
    done = tools.run(tools.compose, *options, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


def unescape_dollars(text: str) -> str:
    """Docker Compose writes a dollar sign as two."""
    return text.replace("$$", "$")


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as 1m15s."""
    parts = re.findall(r"(\d+)([hms])", text)
    return float(sum(int(number) * SECONDS_OF_UNITS[unit] for number, unit in parts))


def list_mounts(volumes: list[dict]) -> list[str]:
    return [
        f"--volume={each['source']}:{each['target']}{':ro' if each.get('read_only') else ''}"
        for each in volumes
    ]


def list_security_options(values: list[str]) -> list[str]:
    """Podman writes the one that Docker has with a value without it."""
    return [f"--security-opt={value.removesuffix(':true')}" for value in values]


OPTIONS: Mapping[str, Callable[[object], list[str]]] = {
    "cap_add": lambda values: [f"--cap-add={value}" for value in values],
    "cap_drop": lambda values: [f"--cap-drop={value}" for value in values],
    "init": lambda value: ["--init"] if value else [],
    "mem_limit": lambda value: [f"--memory={value}", f"--memory-swap={value}"],
    "pids_limit": lambda value: [f"--pids-limit={value}"],
    "read_only": lambda value: ["--read-only", "--read-only-tmpfs=false"] if value else [],
    "security_opt": list_security_options,
    "shm_size": lambda value: [f"--shm-size={value}"],
    "tmpfs": lambda values: [f"--tmpfs={value}" for value in values],
    "user": lambda value: [f"--user={value}"],
    "volumes": list_mounts,
}
"""Fields of a service, and the options of `podman run` that say the same."""
