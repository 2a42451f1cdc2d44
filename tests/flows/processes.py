"""Celery processes of the little application, on a real broker."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.flows.brokers import Server, until
from tests.flows.ties import begun

CELERY = [sys.executable, "-m", "celery", "-A", "tests.flows.little_house:app"]


@dataclass
class House:
    """Celery processes of a little application whose only effects are lines in a file."""

    broker: Server
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, role: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = "beat" if role == "beat" else "worker"
        with (self.folder / f"{role}.log").open("ab") as log:
            process = begun(
                [*CELERY, command, "--loglevel=INFO", *options],
                env={**os.environ, **self.environment(role), **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def environment(self, role: str) -> dict[str, str]:
        return {
            "BROKER_URL": self.broker.url,
            "SIGNALPOST_ROLE": role,
            "EFFECTS": str(self.folder),
            "REMAP_SIGTERM": "SIGQUIT",
            "TMPDIR": str(self.folder),
        }

    def worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        process = self.start("worker", "-c", "1", *options, **environment)
        until(
            lambda: process.poll() is not None or "ready." in self.log("worker"), what="readiness"
        )
        assert process.poll() is None, self.log("worker")[-2000:]
        return process

    def log(self, role: str) -> str:
        path = self.folder / f"{role}.log"
        return path.read_text() if path.exists() else ""

    def effects(self, name: str) -> int:
        """How often this was done."""
        path = self.folder / name
        return len(path.read_text().splitlines()) if path.exists() else 0

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture
def house(broker: Server, tmp_path: Path) -> Iterator[House]:
    little = House(broker, tmp_path)
    yield little
    little.stop()
