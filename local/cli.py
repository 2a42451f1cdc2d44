"""The console script `signalpost`. The commands themselves are in `local/commands.py`."""

import sys

from core.config.garbage_collection import collect_rarely
from local.interruption import INTERRUPTED_STATUS, watch_interruption


def main() -> None:
    """Run the command line. It is imported here: Ctrl-C is no traceback meanwhile either."""
    try:
        watch_interruption()
        collect_rarely()
        from local.commands import cli  # noqa: PLC0415 - takes seconds, and may be interrupted

        cli(prog_name="signalpost")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_STATUS)


if __name__ == "__main__":  # `python -m local.run_role local.cli …`, with the secrets of a role
    main()
