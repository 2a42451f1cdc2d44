"""Prometheus' own tools, as fixtures; tests are skipped where they are missing."""

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.prometheus_commands import find_command

PROMTOOL_TIME_LIMIT = 120  # seconds


def memory_folder() -> Path:
    """A folder in memory, if there is one: each case of a test makes a database."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - it makes folders of its own there
    return shared_memory if shared_memory.is_dir() else Path(tempfile.gettempdir())


@pytest.fixture(scope="session")
def promtool() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs promtool with these arguments."""
    command = find_command("promtool")

    def run_promtool(*arguments):
        return subprocess.run(
            [command, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=PROMTOOL_TIME_LIMIT,
            check=False,
            env={**os.environ, "TMPDIR": str(memory_folder())},
        )

    return run_promtool
