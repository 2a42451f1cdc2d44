#!/usr/bin/env python3
"""Development commands: creates `.venv`, installs the locked dependencies, runs the command there.

Uses the standard library only, so that it runs on a fresh clone. `make` targets are aliases.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP_FILE = VENV / "signalpost-stamp"
PROJECT_STAMP_FILE = VENV / "signalpost-project-stamp"
MIN_PYTHON = (3, 11)

LOCK_FILES = {"runtime": "requirements.lock", "development": "requirements-dev.lock"}
"""The development lock contains the runtime lock, in the same versions."""

PIP_COMMAND = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install")
LOCK_OPTIONS = ("--require-hashes", "--only-binary=:all:", "--progress-bar=off", "-r")
PROJECT_OPTIONS = ("--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))

NO_VENV_TEXT = """This Python cannot create virtual environments: its ensurepip is missing.
On Debian and Ubuntu run: apt-get install python3-venv. Otherwise use a Python from python.org."""

PARALLEL_PYTEST = ("pytest", "-n", "4", "--dist", "loadfile")
"""Four workers on two cores: tests/flows and tests/browser wait a third of their time and more."""

DEPLOYED_CODE = (
    *("app", "core", "db", "platforms", "tasks", "local", "migrations", "clients/python", "dev.py"),
)

ROOT_TESTS = tuple(str(path) for path in sorted(ROOT.glob("tests/test_*.py")))
"""Run by `make check` alone: they look at files and not at what runs, and take their time."""

COVERED_TESTS = ("tests/unit", "tests/db", "tests/platforms", "tests/app")
"""The others run the code in processes of their own, which are not measured."""


class DevTask(NamedTuple):
    """One command: its help line, the lock it needs, and the programs in `.venv/bin` it runs.

    Further arguments of the command line are passed to each program.
    """

    help: str
    requirements: str
    commands: tuple[tuple[str, ...], ...] = ()


DEV_TASKS = {
    "setup": DevTask("create .venv and install the locked dependencies", "development"),
    "demo": DevTask(
        "start everything and publish sample videos and photos (--stay, STAY=1: keep it running)",
        "runtime",
        (("signalpost", "demo"),),
    ),
    "run": DevTask(
        "run signalpost with the platforms' sandbox, in the foreground",
        "runtime",
        (("signalpost", "up", "--sandbox"),),
    ),
    "test": DevTask(
        "run all tests, on their own embedded Postgres and Redis",
        "development",
        ((*PARALLEL_PYTEST, *(f"--ignore={path}" for path in ROOT_TESTS)),),
    ),
    "coverage": DevTask(
        "run the unit, db, platforms and app tests and print their branch coverage",
        "development",
        ((*PARALLEL_PYTEST, "--cov", "--cov-report=term:skip-covered", *COVERED_TESTS),),
    ),
    "check": DevTask(
        "check formatting, lint, types, contracts, weaknesses, secrets, locks and documents",
        "development",
        (
            ("ruff", "format", "--check", "."),
            ("ruff", "check", "."),
            ("mypy",),
            ("lint-imports",),
            ("bandit", "-q", "-c", "pyproject.toml", "-r", *DEPLOYED_CODE),
            ("pytest", "-q", "-n", "2", *ROOT_TESTS),
        ),
    ),
    "bench": DevTask(
        "measure signalpost and five other stacks; writes build/bench.json",
        "development",
        (("python", "-m", "bench"),),
    ),
    "docs": DevTask(
        "build the documentation site into build/site, without a network",
        "development",
        (("python", "-m", "local.site"),),
    ),
    "chaos": DevTask(
        "inflict faults on a whole stack for ten minutes; writes build/chaos.json",
        "development",
        (("python", "-m", "chaos"),),
    ),
}


def main() -> int:
    if sys.version_info < MIN_PYTHON:
        return print_error(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    name = sys.argv[1] if len(sys.argv) > 1 else "help"
    if name in {"help", "-h", "--help"}:
        print(help_text())
        return 0
    if name not in DEV_TASKS:
        return print_error(f"Unknown command: {name}. `python3 dev.py` lists all commands.")
    with setup_lock():
        error = set_up_venv(DEV_TASKS[name].requirements)
    return print_error(error) if error else run_commands(DEV_TASKS[name].commands, sys.argv[2:])


def help_text() -> str:
    lines = [f"  {name:9} {task.help}" for name, task in DEV_TASKS.items()]
    usage = 'Usage: make COMMAND [ARGS="…"], or python3 dev.py COMMAND […]'
    return "\n".join([usage, "", *lines, f"  {'help':9} print this list"])


def print_error(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


@contextmanager
def setup_lock() -> Iterator[None]:
    """Lock the checkout: of two commands at once, the second waits for the first one's set-up."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def set_up_venv(requirements: str) -> str:
    """Create and fill `.venv` unless it is up to date. Returns an error text, or "" on success."""
    state = STAMP_FILE.read_text() if STAMP_FILE.exists() else ""
    if state in {venv_stamp(requirements), venv_stamp("development")}:
        return install_project()
    started = time.monotonic()
    needs_venv = state not in {venv_stamp(name) for name in LOCK_FILES}
    error = (create_venv() if needs_venv else "") or install_packages(requirements)
    if not error:
        STAMP_FILE.write_text(venv_stamp(requirements))
        print(f"Set up in {time.monotonic() - started:.0f} s.", file=sys.stderr)
    return error


def venv_stamp(requirements: str) -> str:
    """Return a fingerprint of Python and both locks; it says what `.venv` was filled from."""
    inputs = [sys.version.encode(), *((ROOT / lock).read_bytes() for lock in LOCK_FILES.values())]
    return f"{requirements} {hashlib.sha256(b''.join(inputs)).hexdigest()}"


def create_venv() -> str:
    if importlib.util.find_spec("ensurepip") is None:
        return NO_VENV_TEXT
    print("Creating .venv …", file=sys.stderr)
    completed = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False)
    return "python -m venv failed." if completed.returncode else ""


def install_packages(requirements: str) -> str:
    """Install the lock's wheels, then this project."""
    for stamp_file in (STAMP_FILE, PROJECT_STAMP_FILE):  # an interrupted one must not look complete
        stamp_file.unlink(missing_ok=True)
    lock = ROOT / LOCK_FILES[requirements]
    count = sum("==" in line for line in lock.read_text().splitlines())
    print(f"Installing {count} packages …", file=sys.stderr)
    return run_pip(*LOCK_OPTIONS, str(lock), count=count) or install_project()


def install_project() -> str:
    """Install this project, unless that was done since its packages changed. Needs no network."""
    stamp = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if PROJECT_STAMP_FILE.exists() and PROJECT_STAMP_FILE.read_text() == stamp:
        return ""
    error = run_pip(*PROJECT_OPTIONS)
    if not error:
        PROJECT_STAMP_FILE.write_text(stamp)
    return error


def run_pip(*arguments: str, count: int = 0) -> str:
    output: deque[str] = deque(maxlen=15)
    command = [str(VENV / "bin" / "python"), *PIP_COMMAND, *arguments]
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    collected = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        for line in process.stdout or ():
            output.append(line.rstrip())
            if line.startswith("Collecting"):
                collected += 1
                show_progress(f"Fetching {min(collected, count)} of {count} packages …")
            elif line.startswith("Installing collected"):
                show_progress("Installing …")
    show_progress("")
    return "\n".join(output) if process.returncode else ""


def show_progress(text: str) -> None:
    """Overwrite the progress line; print nothing if stderr is not a terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run_commands(commands: tuple[tuple[str, ...], ...], arguments: list[str]) -> int:
    """Run all, even if one fails. A single command replaces this process, to get its signals."""
    os.chdir(ROOT)
    # The tests start hundreds of processes: each would compile all it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if len(commands) == 1:
        program, *options = commands[0]
        path = VENV / "bin" / program
        os.execv(path, [str(path), *options, *arguments])  # noqa: S606 - no shell is wanted
    failed = [command for command in commands if not run_command(command, arguments)]
    for command in failed:
        print(f"failed: {' '.join(command)}", file=sys.stderr)
    return 1 if failed else 0


def run_command(command: tuple[str, ...], arguments: list[str]) -> bool:
    print(f"— {' '.join(command[:3])}", file=sys.stderr, flush=True)
    completed = subprocess.run([VENV / "bin" / command[0], *command[1:], *arguments], check=False)
    return completed.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
