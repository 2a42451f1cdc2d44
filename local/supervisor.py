"""Starts several child processes, restarts those that exit, and stops them in groups.

Use it from the main thread only: on Linux a child dies with the thread that started it.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.observability.raw_output import FORMAT_SETTING, build_line
from local.child import POLL_INTERVAL, Child, DidNotStart, read_log_tail

STARTUP_TIMEOUT = 60.0  # seconds for all children to be ready
RESTART_DELAY = 0.25  # seconds before the first restart; doubled for each further exit
MAX_RESTART_DELAY = 15.0  # seconds
STABLE_AFTER = 30.0  # seconds of running after which earlier exits no longer count


@dataclass
class RestartState:
    """How often a child has exited lately, and when to restart it."""

    started_at: float = field(default_factory=time.monotonic)
    exits: int = 0
    restart_at: float | None = None

    def record_exit(self, now: float) -> None:
        self.exits = 1 if now - self.started_at > STABLE_AFTER else self.exits + 1
        self.restart_at = now + min(RESTART_DELAY * 2 ** (self.exits - 1), MAX_RESTART_DELAY)

    def record_start(self, now: float) -> None:
        self.started_at = now
        self.restart_at = None


class Supervisor:
    """Children by name. Set `should_stop` (from a signal handler) to end waiting and supervising.

    Shapes: `stop_order` lists groups of names; a group is stopped after the one before it.
    """

    def __init__(self, stop_order: Sequence[Sequence[str]]) -> None:
        self.children: dict[str, Child] = {}
        self.should_stop = False
        self._stop_order = stop_order
        self._restarts: dict[str, RestartState] = {}

    def start(self, children: Mapping[str, Child]) -> None:
        """Start without waiting."""
        for name, child in children.items():
            self.children[name] = child
            self._restarts[name] = RestartState()
            child.spawn()

    def wait_until_ready(self, names: Iterable[str], *, timeout: float = STARTUP_TIMEOUT) -> None:
        """Block until all of them are ready or `should_stop` is set.

        Units: seconds. Errors: DidNotStart, for the first child that exits or is not ready in time.
        """
        started_at = time.monotonic()
        waiting = {name: self.children[name] for name in names}
        while waiting and not self.should_stop:
            for name, child in list(waiting.items()):
                elapsed = time.monotonic() - started_at
                if child.program.is_ready():
                    del waiting[name]
                    print_status(f"{elapsed:6.1f} s  {name} is ready")
                elif child.has_exited() or elapsed > timeout:
                    raise DidNotStart(f"{name} did not start:\n{read_log_tail(child.program.log)}")
            # Each check is a request or a query, on a machine that is busy starting everything.
            time.sleep(POLL_INTERVAL * 5)

    def supervise(self, *, is_done: Callable[[], bool] = lambda: False) -> None:
        """Restart children that exit, until `is_done` returns true or `should_stop` is set."""
        while not (self.should_stop or is_done()):
            for name, child in self.children.items():
                self._restart_if_exited(name, child, time.monotonic())
            time.sleep(POLL_INTERVAL * 5)

    def _restart_if_exited(self, name: str, child: Child, now: float) -> None:
        restart = self._restarts[name]
        if not child.has_exited():
            return
        if restart.restart_at is None:
            restart.record_exit(now)
            print_status(f"{name} exited with {child.exit_code}, restarting")
        elif now >= restart.restart_at:
            child.kill()  # processes it left behind in its session
            child.spawn()
            restart.record_start(now)

    def stop(self) -> None:
        """Stop group after group, so that no process loses another that it depends on."""
        for names in self._stop_order:
            children = [self.children[name] for name in names if name in self.children]
            for child in children:
                child.request_stop()
            requested_at = time.monotonic()
            for child in children:
                deadline = requested_at + child.program.stop_timeout
                child.stop(timeout=max(0.0, deadline - time.monotonic()))


def print_status(text: str) -> None:
    """Print a line for people; as a line of the log if LOG_FORMAT asks for JSON in so many words,
    which is the default for the other processes.
    """
    is_json = os.environ.get(FORMAT_SETTING) == "json"
    line = build_line("info", "supervisor", text) if is_json else text
    print(line, file=sys.stderr, flush=True)
