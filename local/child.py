"""One process of ours: started in a session of its own, ready by condition, ended in order.

Must not know which process it is, nor decide whether it is started again.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from local.ground import Account
from local.orphans import die_with_parent

LOOK = 0.02  # seconds between two looks at a condition


class DidNotStart(Exception):
    """A process ended or stayed silent before it was ready."""


@dataclass(frozen=True)
class Program:
    """What to run, and how to tell that it serves."""

    name: str
    command: tuple[str, ...]
    log: Path
    ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] | None = None
    folder: Path = Path("/")
    quit: signal.Signals = signal.SIGTERM
    orphaned: signal.Signals = signal.SIGKILL  # nobody is left to wait for a polite end
    grace: float = 5.0  # seconds between the polite signal and the other one
    account: Account | None = None
    descriptors: tuple[int, ...] = ()


class Child:
    """A program's process, or the next one after it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def spawn(self) -> None:
        """Start without waiting. From the main thread: on Linux it dies with the thread."""
        program = self.program
        with open(program.log, "ab", opener=opened) as log:
            self.process = subprocess.Popen(
                program.command,
                env=program.environment,
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the supervisor: it knows the order
                pass_fds=program.descriptors,
                preexec_fn=partial(die_with_parent, program.orphaned),  # noqa: PLW1509 - one call, loaded beforehand
                **(program.account.drop if program.account else {}),
            )

    def wait_until_ready(self, *, within: float) -> None:
        """Units: seconds. Errors: DidNotStart, with the end of its log."""
        end = time.monotonic() + within
        while not self.program.ready():
            if self.ended() or time.monotonic() > end:
                raise DidNotStart(f"{self.program.name} did not start:\n{tail(self.program.log)}")
            time.sleep(LOOK)

    @property
    def code(self) -> int | None:
        return self.process.returncode if self.process else None

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def ask_to_stop(self) -> None:
        if self.process and not self.ended():
            self.process.send_signal(self.program.quit)

    def stop(self, *, within: float | None = None) -> None:
        """Politely, then not. Units: seconds."""
        self.ask_to_stop()
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.program.grace if within is None else within)
            self.kill()

    def kill(self) -> None:
        """It, its descendants in whatever session, and what a dead one left in its own."""
        if self.process:
            below = [] if self.ended() else descendants(self.process.pid)
            send(os.killpg, self.process.pid)
            for pid in below:
                send(os.kill, pid)
            self.process.wait()


def descendants(pid: int) -> list[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def send(kill: Callable[[int, int], None], pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        kill(pid, signal.SIGKILL)


def opened(path: str, flags: int) -> int:
    """For its owner alone: a log is no place for secrets, and no promise that there are none."""
    return os.open(path, flags, 0o600)


def tail(path: Path, *, characters: int = 1500) -> str:
    return path.read_text(errors="replace")[-characters:]
