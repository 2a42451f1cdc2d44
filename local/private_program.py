"""Runs a module as a program in this process, and hides its environment from others of its user.

    python -m local.private_program granian …

The main process of a web server or of Celery needs this: it holds the settings, and loads our code
late or never.
"""

import os
import runpy
import sys
from importlib import import_module

from core.config.garbage_collection import collect_rarely
from core.config.process_privacy import hide_process_memory
from core.observability.raw_output import FORMAT_SETTING, write_output_as_json

UNUSED_LIBRARY = "rich"
"""structlog loads it, where it is installed, for logs in colours that we do not write: 90 modules
and 5 MiB in each process. Only commands draw with it."""

TRACING_SETTING, TRACING_LIBRARY = "OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry"
"""The client of Redis loads it wherever it is installed: 10 MiB in each process that traces
nothing."""

COMMAND_LINE = "local.cli"
WEB_SERVER = "granian"
SERVERS = frozenset({WEB_SERVER, "tasks.program", "celery"})


def main(arguments: list[str]) -> None:
    """Run the module that the first argument names, as `python -m` would."""
    hide_process_memory()
    collect_rarely()
    if arguments[0] != COMMAND_LINE:
        sys.modules[UNUSED_LIBRARY] = None  # type: ignore[assignment]  # Python's word for absent
    if not {TRACING_SETTING, f"{TRACING_SETTING}_FILE"} & os.environ.keys():
        sys.modules[TRACING_LIBRARY] = None  # type: ignore[assignment]  # as above
    if arguments[0] in SERVERS and os.environ.get(FORMAT_SETTING, "json") == "json":
        write_output_as_json()
        if arguments[0] == WEB_SERVER:
            send_logs_to_root()
    sys.argv = [*arguments]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def send_logs_to_root() -> None:
    """Let the web server's own lines take the way of all others, with their level."""
    log_module = import_module(f"{WEB_SERVER}.log")
    log_module.LOGGING_CONFIG["loggers"]["_granian"] = {"handlers": [], "propagate": True}


if __name__ == "__main__":
    main(sys.argv[1:])
