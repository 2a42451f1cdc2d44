"""One child process: started in its own session, polled until ready, stopped gracefully or killed.

Restarts are decided in `local.supervisor`.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from core.config.parent_death import die_with_parent
from local.user_and_folders import UnixUser

POLL_INTERVAL = 0.02  # seconds between two checks of a condition


class DidNotStart(Exception):
    """A process exited, or was not ready in time."""


@dataclass(frozen=True)
class Program:
    """A command with its environment, its readiness check and how it is stopped.

    Without an environment it gets an empty one: the operator's may hold secrets.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    is_ready: Callable[[], bool] = lambda: True
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL  # sent by Linux when the parent thread dies
    stop_timeout: float = 5.0  # seconds between `stop_signal` and SIGKILL
    user: UnixUser | None = None
    descriptors: tuple[int, ...] = ()


class Child:
    """The process of a program. After an exit, `spawn` starts the next one."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def spawn(self) -> None:
        """Start without waiting.

        Call it from the main thread: on Linux the process dies with the thread that started it.
        """
        program = self.program
        with open(program.log, "ab", opener=open_private) as log:
            self.process = subprocess.Popen(
                program.command,
                env=program.environment,
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C goes to the supervisor, which stops all in order
                pass_fds=program.descriptors,
                preexec_fn=partial(die_with_parent, program.orphan_signal),  # noqa: PLW1509 - one system call, library loaded before the fork
                **(program.user.popen_options if program.user else {}),
            )

    def wait_until_ready(self, *, timeout: float) -> None:
        """Block until the readiness check passes.

        Units: seconds. Errors: DidNotStart, with the end of the log.
        """
        deadline = time.monotonic() + timeout
        while not self.program.is_ready():
            if self.has_exited() or time.monotonic() > deadline:
                raise DidNotStart(
                    f"{self.program.name} did not start:\n{read_log_tail(self.program.log)}"
                )
            time.sleep(POLL_INTERVAL)

    @property
    def exit_code(self) -> int | None:
        return self.process.returncode if self.process else None

    def has_exited(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def request_stop(self) -> None:
        """Send the stop signal and return at once."""
        if self.process and not self.has_exited():
            self.process.send_signal(self.program.stop_signal)

    def stop(self, *, timeout: float | None = None) -> None:
        """Send the stop signal, wait, then kill what is left. Units: seconds."""
        self.request_stop()
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.program.stop_timeout if timeout is None else timeout)
            self.kill()

    def kill(self) -> None:
        """Kill the process, its descendants in any session, and what it left in its own session."""
        if self.process:
            descendant_pids = [] if self.has_exited() else list_descendants(self.process.pid)
            send_sigkill(os.killpg, self.process.pid)
            for pid in descendant_pids:
                send_sigkill(os.kill, pid)
            self.process.wait()


def list_descendants(pid: int) -> list[int]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    return []


def send_sigkill(kill: Callable[[int, int], None], pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        kill(pid, signal.SIGKILL)


def open_private(path: str, flags: int) -> int:
    """Open a file that only its owner may read, in case a secret gets into a log after all."""
    return os.open(path, flags, 0o600)


def read_log_tail(path: Path, *, characters: int = 1500) -> str:
    return path.read_text(errors="replace")[-characters:]
