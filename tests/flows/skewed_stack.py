"""A stack whose processes read a clock that a test can move; the stores keep the machine's clock.

`python -m tests.flows.skewed_stack …` is `signalpost up …` with web, workers and beat that read how
far their clock is off from a file. That is the clock of our own code and `time.time`: libraries
that imported the function before keep the machine's.
"""

import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core import bootstrap
from local.web import create_asgi_app
from tasks.celery import app

__all__ = ["app", "create_asgi_app"]

MODULE = "tests.flows.skewed_stack"
SKEWED_COMMAND = (sys.executable, "-m", MODULE)
OFFSET_VARIABLE = "CLOCK_OFFSET_PATH"  # of the file with the offset
MEASURED_TIME = time.time


def write_offset(path, seconds):
    """Move the clock of all processes this far from the machine's. Units: seconds."""
    staging = path.with_suffix(".new")
    staging.write_text(str(seconds))
    staging.rename(path)


def skewed_time():
    return MEASURED_TIME() + float(Path(os.environ[OFFSET_VARIABLE]).read_text())


class SkewedDatetime(datetime):
    """Takes the place of `datetime` in the one module that reads the clock."""

    @classmethod
    def now(cls, tz=None):
        offset = timedelta(seconds=skewed_time() - MEASURED_TIME())
        return datetime.now(tz or UTC) + offset


def skew_command(build_command):
    """The command of the web process, with this module in place of the one it loads."""
    return lambda *arguments: tuple(
        word.replace("local.web:", f"{MODULE}:") for word in build_command(*arguments)
    )


def main():
    from local import processes, up

    processes.CELERY_COMMAND = (sys.executable, "-m", "celery", "-A", f"{MODULE}:app")
    web = processes.PROCESSES["web"]
    processes.PROCESSES["web"] = replace(web, command=skew_command(web.command))
    up.up()


if __name__ == "__main__":
    main()
elif OFFSET_VARIABLE in os.environ:
    bootstrap.datetime = SkewedDatetime
    time.time = skewed_time
