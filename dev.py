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
STAMP = VENV / "signalpost-stamp"
OLDEST = (3, 11)

LOCKS = {"runtime": "requirements.lock", "development": "requirements-dev.lock"}
"""Development holds all of runtime, in the same versions."""

PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install")
WHEELS = ("--require-hashes", "--only-binary=:all:", "--progress-bar=off", "-r")
PROJECT = ("--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))

NO_VENV = """This Python cannot make virtual environments: its ensurepip is missing.
On Debian and Ubuntu: apt-get install python3-venv. Otherwise use a Python from python.org."""


class Task(NamedTuple):
    """What a word of the command line stands for; what follows it goes to the last command."""

    help: str
    kind: str
    commands: tuple[tuple[str, ...], ...] = ()


TASKS = {
    "demo": Task("play the whole story; --stay stays up", "runtime", (("signalpost", "demo"),)),
    "run": Task(
        "the house with the sandbox, in the foreground",
        "runtime",
        (("signalpost", "up", "--sandbox"),),
    ),
    "test": Task(
        "all tests, on servers of their own",
        "development",
        (("pytest", "-n", "3", "--dist", "loadfile"),),  # two cores keep up: flows mostly wait
    ),
    "check": Task(
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
    "bench": Task("the benchmarks", "development", (("python", "-m", "bench"),)),
    "chaos": Task("the fault suite", "development", (("python", "-m", "chaos"),)),
    "setup": Task("the set-up alone", "development"),
}


def main() -> int:
    if sys.version_info < OLDEST:
        return refuse(f"Python 3.11 or newer is needed, and this is {sys.version.split()[0]}.")
    name, more = sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]
    if name not in TASKS:
        return refuse("\n".join(f"python3 dev.py {word:7} {TASKS[word].help}" for word in TASKS))
    with alone():
        fault = prepare(TASKS[name].kind)
    return refuse(fault) if fault else run(TASKS[name].commands, more)


def refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


@contextmanager
def alone() -> Iterator[None]:
    """Two commands in one fresh clone: the second waits for the first one's set-up."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def prepare(kind: str) -> str:
    """What is missing is made; nothing is done twice. Returns what went wrong, or nothing."""
    state = STAMP.read_text() if STAMP.exists() else ""
    if state in {stamp(kind), stamp("development")}:
        return ""
    began = time.monotonic()
    fresh = state not in {stamp(each) for each in LOCKS}
    fault = (make_venv() if fresh else "") or install(kind)
    if not fault:
        STAMP.write_text(stamp(kind))
        print(f"Set up in {time.monotonic() - began:.0f} s.", file=sys.stderr)
    return fault


def stamp(kind: str) -> str:
    """Changes with the locks and with Python."""
    told = [sys.version.encode(), *((ROOT / lock).read_bytes() for lock in LOCKS.values())]
    return f"{kind} {hashlib.sha256(b''.join(told)).hexdigest()}"


def make_venv() -> str:
    if importlib.util.find_spec("ensurepip") is None:
        return NO_VENV
    print("Making .venv …", file=sys.stderr)
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False)
    return "python -m venv failed." if made.returncode else ""


def install(kind: str) -> str:
    """The lock's wheels, then this project on top, which needs no network."""
    STAMP.unlink(missing_ok=True)  # half an installation must not look like one
    lock = ROOT / LOCKS[kind]
    count = sum("==" in line for line in lock.read_text().splitlines())
    print(f"Installing {count} packages …", file=sys.stderr)
    return pip(*WHEELS, str(lock), count=count) or pip(*PROJECT)


def pip(*arguments: str, count: int = 0) -> str:
    said: deque[str] = deque(maxlen=15)
    command = [str(VENV / "bin" / "python"), *PIP, *arguments]
    environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
    found = 0
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            if line.startswith("Collecting"):
                found += 1
                show(f"Fetching {min(found, count)} of {count} packages …")
            elif line.startswith("Installing collected"):
                show("Installing …")
    show("")
    return "\n".join(said) if process.returncode else ""


def show(words: str) -> None:
    """One line that changes; silent where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)


def run(commands: tuple[tuple[str, ...], ...], more: list[str]) -> int:
    """All of them, though one fails; a single one takes our place, signals and all."""
    os.chdir(ROOT)
    if len(commands) == 1:
        program, *words = commands[0]
        path = VENV / "bin" / program
        os.execv(path, [str(path), *words, *more])  # noqa: S606 - no shell is wanted
    failed = [command for command in commands if not passes(command, more)]
    for command in failed:
        print(f"failed: {' '.join(command)}", file=sys.stderr)
    return 1 if failed else 0


def passes(command: tuple[str, ...], more: list[str]) -> bool:
    print(f"— {' '.join(command[:3])}", file=sys.stderr, flush=True)
    ran = subprocess.run([VENV / "bin" / command[0], *command[1:], *more], check=False)
    return ran.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
