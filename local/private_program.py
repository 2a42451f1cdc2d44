"""Runs a module as a program in this process, and hides its environment from others of its user.

    python -m local.private_program granian …

The main process of a web server or of Celery needs this: it holds the settings, and loads our code
late or never.
"""

import runpy
import sys

from core.config.garbage_collection import collect_rarely
from core.config.process_privacy import hide_process_memory

UNUSED_LIBRARY = "rich"
"""structlog loads it, where it is installed, for logs in colours that we do not write: 90 modules
and 5 MiB in each process. Only commands draw with it."""

COMMAND_LINE = "local.cli"


def main(arguments: list[str]) -> None:
    """Run the module that the first argument names, as `python -m` would."""
    hide_process_memory()
    collect_rarely()
    if arguments[0] != COMMAND_LINE:
        sys.modules[UNUSED_LIBRARY] = None  # type: ignore[assignment]  # Python's word for absent
    sys.argv = [*arguments]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
