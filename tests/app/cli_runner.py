"""Runs commands with given settings and no others.

`in_process_cli` runs them in this process and restores it afterwards, since starting Python takes
longer than most commands. `subprocess_cli` runs them as an operator does, in their own process.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import cli
from core.config import settings
from tasks import celery, runtime

ROOT = Path(__file__).parents[2]
CLI_COMMAND = (sys.executable, "-c", "from app.cli.main import cli; cli()")


@dataclass(frozen=True)
class CliResult:
    returncode: int
    stdout: str
    stderr: str


def subprocess_cli(environ, folder):
    def run(*arguments, stdin="", **extra_environ):
        process = subprocess.run(
            [*CLI_COMMAND, *map(str, arguments)],
            input=stdin,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ, **extra_environ},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        return CliResult(process.returncode, process.stdout, process.stderr)

    return run


def in_process_cli(environ, folder):
    """Unexpected errors are raised: an operator would see their traceback."""

    def run(*arguments, stdin="", **extra_environ):
        argv = list(map(str, arguments))
        with isolated_settings({**environ, **extra_environ}, folder), restore_logging_and_signals():
            invoke = CliRunner(catch_exceptions=False).invoke
            result = copy_context().run(invoke, cli, argv, input=stdin)
        return CliResult(result.exit_code, result.stdout, result.stderr)

    return run


@contextmanager
def isolated_settings(environ, folder):
    """Build settings and container from this environment, and drop them afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            patch.delenv(name)
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        clear_settings()
        try:
            yield
        finally:
            clear_settings()


def load_celery_settings(environ):
    """Let Celery, which reads its settings once in the life of a process, read these."""
    with tempfile.TemporaryDirectory() as folder, isolated_settings(environ, folder):
        assert celery.app.conf.broker_url == environ["BROKER_URL"]


def clear_settings():
    runtime.close_container()
    settings.load_settings.cache_clear()


@contextmanager
def restore_logging_and_signals():
    """Restore logging and signal handlers, which a command replaces."""
    loggers = [logging.getLogger(name) for name in (None, *logging.root.manager.loggerDict)]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    signal_handlers = {
        number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        for logger, handlers, level, propagates in before:
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagates
        for number, handler in signal_handlers.items():
            signal.signal(number, handler)
