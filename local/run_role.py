"""Runs a module as a program with the environment of one role, where one environment is for all.

    SIGNALPOST_ROLE=beat python -m local.run_role celery -A tasks.celery:app beat

A Procfile, an `.env` file or a systemd unit passes all settings to every process. This leaves out
the secrets that the role may not hold, before the process begins.
"""

import os
import sys

from core.config.roles import ROLE_SETTING, ROLES
from local.role_environment import select_role_environment

USAGE = f"set {ROLE_SETTING} to one of {', '.join(ROLES)}, and name the module to run"


def main(arguments: list[str]) -> None:
    """Replace this process by the program. Errors: SystemExit without a role or a module."""
    role = os.environ.get(ROLE_SETTING, "")
    if role not in ROLES or not arguments:
        sys.exit(USAGE)
    program = [sys.executable, "-m", "local.private_program", *arguments]
    os.execve(sys.executable, program, select_role_environment(os.environ, role))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
