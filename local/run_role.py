"""Runs a module as a program with the environment of one role, where one environment is for all.

    SIGNALPOST_ROLE=beat python -m local.run_role tasks.program beat

A Procfile, an `.env` file or a systemd unit passes all settings to every process. This leaves out
the secrets that the role may not hold, before the process begins. It also makes the folder in which
the processes of a worker with a METRICS_PORT count together.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

from core.config.roles import ROLE_SETTING, ROLES
from local.role_environment import select_role_environment

USAGE = f"set {ROLE_SETTING} to one of {', '.join(ROLES)}, and name the module to run"


METRICS_FOLDER_SETTING = "PROMETHEUS_MULTIPROC_DIR"
METRICS_FOLDER_PREFIX = f"signalpost-metrics-{os.getuid()}-"


def main(arguments: list[str]) -> None:
    """Replace this process by the program. Errors: SystemExit without a role or a module."""
    role = os.environ.get(ROLE_SETTING, "")
    if role not in ROLES or not arguments:
        sys.exit(USAGE)
    environment = select_role_environment(os.environ, role)
    program = [sys.executable, "-m", "local.private_program", *arguments]
    os.execve(sys.executable, program, environment | metrics_environment(environment))  # noqa: S606 - no shell is wanted


def metrics_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Name a new folder for counts, if the process has a page for them and no folder yet."""
    if not environment.get("METRICS_PORT") or environment.get(METRICS_FOLDER_SETTING):
        return {}
    root = Path(tempfile.gettempdir())
    for path in root.glob(f"{METRICS_FOLDER_PREFIX}*"):
        process_id = path.name.rpartition("-")[2]
        if process_id.isdigit() and not psutil.pid_exists(int(process_id)):
            shutil.rmtree(path, ignore_errors=True)  # of a process that is gone
    folder = root / f"{METRICS_FOLDER_PREFIX}{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)  # fails if it belongs to somebody else
    return {METRICS_FOLDER_SETTING: str(folder)}


if __name__ == "__main__":
    main(sys.argv[1:])
