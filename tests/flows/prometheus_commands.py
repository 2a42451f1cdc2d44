"""The commands of Prometheus' package; tests are skipped where they are missing."""

import os
import shutil

import pytest


def find_command(name: str) -> str:
    """The path of a command of the package; without it the test is skipped, and fails in CI."""
    command = shutil.which(name)
    if command is None:
        reason = "Prometheus is not installed (apt-get install prometheus)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return command
