#!/usr/bin/env python3
"""From a fresh clone to a running house, with nothing but Python. Must import no package.

Makes `.venv`, installs what the lock names, then hands over to the house's own commands.
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
MIN_PYTHON = (3, 11)

LOCK_FILES = {"runtime": "requirements.lock", "development": "requirements-dev.lock"}
"""Development holds all of runtime, in the same versions."""

PIP_COMMAND = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install")
LOCK_OPTIONS = ("--require-hashes", "--only-binary=:all:", "--progress-bar=off", "-r")
PROJECT_OPTIONS = ("--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))

NO_VENV_TEXT = """This Python cannot make virtual environments: its ensurepip is missing.
On Debian and Ubuntu: apt-get install python3-venv. Otherwise use a Python from python.org."""


class DevTask(NamedTuple):
    """What a word of the command line stands for; what follows it goes to the last command."""

    help: str
    requirements: str
    commands: tuple[tuple[str, ...], ...] = ()


DEV_TASKS = {
    "demo": DevTask("play the whole story; --stay stays up", "runtime", (("signalpost", "demo"),)),
    "run": DevTask(
        "the house with the sandbox, in the foreground",
        "runtime",
        (("signalpost", "up", "--sandbox"),),
    ),
    "test": DevTask(
        "all tests, on servers of their own",
        "development",
        (("pytest", "-n", "3", "--dist", "loadfile"),),  # two cores keep up: flows mostly wait
    ),
    "check": DevTask(
        "format, lint, types, import contracts, the tree and its documents",
        "development",
        (
            ("ruff", "format", "--check", "."),
            ("ruff", "check", "."),
            ("mypy",),
            ("lint-imports",),
            ("pytest", "-q", *(str(path) for path in sorted(ROOT.glob("tests/test_*.py")))),
        ),
    ),
    "bench": DevTask("the benchmarks", "development", (("python", "-m", "bench"),)),
    "chaos": DevTask("the fault suite", "development", (("python", "-m", "chaos"),)),
    "setup": DevTask("the set-up alone", "development"),
}


def main() -> int:
    if sys.version_info < MIN_PYTHON:
        return print_error(f"Python 3.11 or newer is needed, and this is {sys.version.split()[0]}.")
    name, arguments = sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]
    if name not in DEV_TASKS:
        return print_error(
            "\n".join(f"python3 dev.py {word:7} {DEV_TASKS[word].help}" for word in DEV_TASKS)
        )
    with setup_lock():
        error = set_up_venv(DEV_TASKS[name].requirements)
    return print_error(error) if error else run_commands(DEV_TASKS[name].commands, arguments)


def print_error(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


@contextmanager
def setup_lock() -> Iterator[None]:
    """Two commands in one fresh clone: the second waits for the first one's set-up."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def set_up_venv(requirements: str) -> str:
    """What is missing is made; nothing is done twice. Returns what went wrong, or nothing."""
    state = STAMP_FILE.read_text() if STAMP_FILE.exists() else ""
    if state in {venv_stamp(requirements), venv_stamp("development")}:
        return ""
    started = time.monotonic()
    needs_venv = state not in {venv_stamp(each) for each in LOCK_FILES}
    error = (create_venv() if needs_venv else "") or install_packages(requirements)
    if not error:
        STAMP_FILE.write_text(venv_stamp(requirements))
        print(f"Set up in {time.monotonic() - started:.0f} s.", file=sys.stderr)
    return error


def venv_stamp(requirements: str) -> str:
    """Changes with the locks and with Python."""
    inputs = [sys.version.encode(), *((ROOT / lock).read_bytes() for lock in LOCK_FILES.values())]
    return f"{requirements} {hashlib.sha256(b''.join(inputs)).hexdigest()}"


def create_venv() -> str:
    if importlib.util.find_spec("ensurepip") is None:
        return NO_VENV_TEXT
    print("Making .venv …", file=sys.stderr)
    completed = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False)
    return "python -m venv failed." if completed.returncode else ""


def install_packages(requirements: str) -> str:
    """The lock's wheels, then this project on top, which needs no network."""
    STAMP_FILE.unlink(missing_ok=True)  # half an installation must not look like one
    lock = ROOT / LOCK_FILES[requirements]
    count = sum("==" in line for line in lock.read_text().splitlines())
    print(f"Installing {count} packages …", file=sys.stderr)
    return run_pip(*LOCK_OPTIONS, str(lock), count=count) or run_pip(*PROJECT_OPTIONS)


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
    """One line that changes; silent where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def run_commands(commands: tuple[tuple[str, ...], ...], arguments: list[str]) -> int:
    """All of them, though one fails; a single one takes our place, signals and all."""
    os.chdir(ROOT)
    if len(commands) == 1:
        program, *options = commands[0]
        path = VENV / "bin" / program
        os.execv(path, [str(path), *options, *arguments])
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
