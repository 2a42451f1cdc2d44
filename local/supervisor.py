"""Several processes as one: started together, restarted when they die, stopped in waves.

Knows no process by name. From the main thread only: on Linux a child dies with its thread.
"""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from local.child import POLL_INTERVAL, Child, DidNotStart, read_log_tail

STARTUP_TIMEOUT = 60.0  # seconds for all of them to be ready
RESTART_DELAY, MAX_RESTART_DELAY = (
    0.25,
    15.0,
)  # seconds before a dead child starts again; doubled each time
STABLE_AFTER = 30.0  # seconds after which earlier deaths are forgotten


@dataclass
class RestartState:
    """How often a child has died lately, and when it may start again."""

    started: float = field(default_factory=time.monotonic)
    exits: int = 0
    restart_at: float | None = None

    def record_exit(self, now: float) -> None:
        self.exits = 1 if now - self.started > STABLE_AFTER else self.exits + 1
        self.restart_at = now + min(RESTART_DELAY * 2 ** (self.exits - 1), MAX_RESTART_DELAY)

    def record_start(self, now: float) -> None:
        self.started, self.restart_at = now, None


class Supervisor:
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
        """Until all of them are ready, or we are told to stop.

        Units: seconds. Errors: DidNotStart, for the first that died or when time is up.
        """
        started = time.monotonic()
        waiting = {name: self.children[name] for name in names}
        while waiting and not self.should_stop:
            for name, child in list(waiting.items()):
                elapsed = time.monotonic() - started
                if child.program.is_ready():
                    del waiting[name]
                    print_status(f"{elapsed:6.1f} s  {name} answers")
                elif child.has_exited() or elapsed > timeout:
                    raise DidNotStart(f"{name} did not start:\n{read_log_tail(child.program.log)}")
            time.sleep(POLL_INTERVAL)

    def supervise(self, *, is_done: Callable[[], bool] = lambda: False) -> None:
        """Restart what dies, until that is true or we are told to stop."""
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
            print_status(f"{name} ended with {child.exit_code}; it starts again")
        elif now >= restart.restart_at:
            child.kill()  # its session may hold what it left behind
            child.spawn()
            restart.record_start(now)

    def stop(self) -> None:
        """Wave after wave, so that nobody loses what they lean on."""
        for names in self._stop_order:
            children = [self.children[name] for name in names if name in self.children]
            for child in children:
                child.ask_to_stop()
            started = time.monotonic()
            for child in children:
                child.stop(
                    timeout=max(0.0, started + child.program.stop_timeout - time.monotonic())
                )


def print_status(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
