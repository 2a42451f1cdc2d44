"""Runs a module as a program in this process, and hides its environment from others of its user.

    python -m local.private_program granian …

The main process of a web server or of Celery needs this: it holds the settings, and loads our code
late or never.
"""

import os
import runpy
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module

from core.config.garbage_collection import collect_rarely
from core.config.process_privacy import hide_process_memory
from core.observability.raw_output import FORMAT_SETTING, write_output_as_json

COMMAND_LINE = "local.cli"
WEB_SERVER = "granian"

UNUSED_LIBRARIES: Mapping[str, frozenset[str]] = {
    "rich": frozenset({COMMAND_LINE}),
    "yaml": frozenset(),
    "charset_normalizer": frozenset(),
    "pygments": frozenset({COMMAND_LINE, WEB_SERVER}),
}
"""Library → the programs that use it. Others load it wherever it is installed: structlog and Celery
for logs and shells in colours, kombu for messages in YAML, requests to guess the encoding of texts.
These are 9 MiB in a worker, of which its child processes write into a third.
"""

UNUSED_LIBRARY_WARNING = "Unable to find acceptable character detection"  # of requests

TRACING_SETTING, TRACING_LIBRARY = "OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry"
"""The client of Redis loads it wherever it is installed: 10 MiB in each process that traces
nothing."""

SERVERS = frozenset({WEB_SERVER, "tasks.program", "celery"})


def main(arguments: list[str]) -> None:
    """Run the module that the first argument names, as `python -m` would."""
    hide_process_memory()
    collect_rarely()
    hide_unused_libraries(arguments[0])
    if arguments[0] in SERVERS and os.environ.get(FORMAT_SETTING, "json") == "json":
        write_output_as_json()
        if arguments[0] == WEB_SERVER:
            send_logs_to_root()
    sys.argv = [*arguments]
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def hide_unused_libraries(program: str) -> None:
    """Let what this program does not use seem to be absent: None is Python's word for that."""
    unused = [name for name, programs in UNUSED_LIBRARIES.items() if program not in programs]
    if not {TRACING_SETTING, f"{TRACING_SETTING}_FILE"} & os.environ.keys():
        unused.append(TRACING_LIBRARY)
    for name in unused:
        sys.modules[name] = None  # type: ignore[assignment]  # the stubs expect modules only
    warnings.filterwarnings("ignore", UNUSED_LIBRARY_WARNING)


def send_logs_to_root() -> None:
    """Let the web server's own lines take the way of all others, with their level."""
    log_module = import_module(f"{WEB_SERVER}.log")
    log_module.LOGGING_CONFIG["loggers"]["_granian"] = {"handlers": [], "propagate": True}


if __name__ == "__main__":
    main(sys.argv[1:])
