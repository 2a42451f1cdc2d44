"""Celery processes of the test application, on a real broker."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.flows.brokers import BrokerServer, wait_until
from tests.flows.child_processes import start_process

CELERY_COMMAND = [sys.executable, "-m", "celery", "-A", "tests.flows.celery_test_app:app"]


@dataclass
class CeleryHarness:
    """Celery processes of the test application, whose only effects are lines in files."""

    broker: BrokerServer
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, role: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = "beat" if role == "beat" else "worker"
        with (self.folder / f"{role}.log").open("ab") as log:
            process = start_process(
                [*CELERY_COMMAND, command, "--loglevel=INFO", *options],
                env={**os.environ, **self.build_environment(role), **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def build_environment(self, role: str) -> dict[str, str]:
        return {
            "BROKER_URL": self.broker.url,
            "SIGNALPOST_ROLE": role,
            "EFFECTS": str(self.folder),
            "REMAP_SIGTERM": "SIGQUIT",
            "TMPDIR": str(self.folder),
        }

    def start_worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        process = self.start("worker", "-c", "1", *options, **environment)
        wait_until(
            lambda: process.poll() is not None or "ready." in self.read_log("worker"),
            what="readiness",
        )
        assert process.poll() is None, self.read_log("worker")[-2000:]
        return process

    def read_log(self, role: str) -> str:
        path = self.folder / f"{role}.log"
        return path.read_text() if path.exists() else ""

    def count_effects(self, name: str) -> int:
        """How often the effect of this name happened."""
        path = self.folder / name
        return len(path.read_text().splitlines()) if path.exists() else 0

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture
def celery_harness(broker: BrokerServer, tmp_path: Path) -> Iterator[CeleryHarness]:
    harness = CeleryHarness(broker, tmp_path)
    yield harness
    harness.stop()
