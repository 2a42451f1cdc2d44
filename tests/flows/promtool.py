"""Prometheus' own tools, as fixtures; tests are skipped where they are missing."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

PROMTOOL_TIME_LIMIT = 120  # seconds


def memory_folder() -> Path:
    """A folder in memory, if there is one: each case of a test makes a database."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - it makes folders of its own there
    return shared_memory if shared_memory.is_dir() else Path(tempfile.gettempdir())


def find_command(name: str) -> str:
    """The path of a command of the package; without it the test is skipped, and fails in CI."""
    command = shutil.which(name)
    if command is None:
        reason = "Prometheus is not installed (apt-get install prometheus)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return command


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
