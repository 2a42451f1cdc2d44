"""Runs a command of Celery for our application, with Celery's own options.

    python -m local.private_program tasks.program worker -P prefork -Q uploads

`celery -A tasks.celery:app worker …` does the same, but first loads every command of Celery and of
the plugins that are installed: Flower, a shell and 330 modules more, 13 MiB in each process.
"""

import sys
from collections.abc import Mapping
from importlib import import_module

from celery.bin.base import CLIContext

from tasks.celery import app

COMMAND_MODULES: Mapping[str, str] = {
    "worker": "celery.bin.worker",
    "beat": "celery.bin.beat",
}
"""The commands that are loaded alone, and where they are."""

ALL_COMMANDS = "celery.bin.celery"
ENVIRONMENT_PREFIX = "CELERY"  # of variables that set options, as with Celery's own program


def main(arguments: list[str]) -> None:
    """Run the command that the first argument names, and end the process."""
    name, *options = arguments or ["--help"]
    if name not in COMMAND_MODULES:
        program = import_module(ALL_COMMANDS).celery
        program.main(
            ["--app", "tasks.celery:app", *arguments], auto_envvar_prefix=ENVIRONMENT_PREFIX
        )
    command = getattr(import_module(COMMAND_MODULES[name]), name)
    command.main(
        options,
        prog_name=f"celery {name}",
        auto_envvar_prefix=f"{ENVIRONMENT_PREFIX}_{name.upper()}",
        obj=CLIContext(app=app, no_color=True, workdir=None, quiet=not sys.stdout.isatty()),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
