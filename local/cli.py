"""The console script `signalpost`. The commands themselves are in `local/commands.py`."""

import os
import sys

from core.config.garbage_collection import collect_rarely
from core.observability.raw_output import FORMAT_SETTING, write_output_as_json
from local.interruption import INTERRUPTED_STATUS, watch_interruption

SERVICE_COMMANDS = frozenset({"migrate", "monitor"})
"""Commands that are also started as processes of an installation, whose output is collected."""


def main() -> None:
    """Run the command line. It is imported here: Ctrl-C is no traceback meanwhile either."""
    try:
        watch_interruption()
        collect_rarely()
        if should_write_json(sys.argv[1:]):
            write_output_as_json()
        from local.commands import cli  # noqa: PLC0415 - takes seconds, and may be interrupted

        cli(prog_name="signalpost")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_STATUS)


def should_write_json(arguments: list[str]) -> bool:
    """Whether all output is lines of a log: if LOG_FORMAT asks for it in so many words, which is
    the default for other processes. With `--json` stdout belongs to the program that reads it, and
    at a terminal to a person.
    """
    is_service = bool(SERVICE_COMMANDS.intersection(arguments[:1]))
    has_reader = "--json" in arguments or sys.stdout.isatty()
    return is_service and not has_reader and os.environ.get(FORMAT_SETTING) == "json"


if __name__ == "__main__":  # `python -m local.run_role local.cli …`, with the secrets of a role
    main()
