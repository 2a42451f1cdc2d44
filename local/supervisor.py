"""Several processes as one: started together, restarted when they die, stopped in waves.

Knows no process by name. From the main thread only: on Linux a child dies with its thread.
"""

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from local.child import LOOK, Child, DidNotStart, tail

PATIENCE = 60.0  # seconds for all of them to be ready
WAIT, LONGEST_WAIT = 0.25, 15.0  # seconds before a dead child starts again; doubled each time
STABLE = 30.0  # seconds after which earlier deaths are forgotten


@dataclass
class Care:
    """How often a child has died lately, and when it may start again."""

    since: float = field(default_factory=time.monotonic)
    deaths: int = 0
    due: float | None = None

    def died(self, now: float) -> None:
        self.deaths = 1 if now - self.since > STABLE else self.deaths + 1
        self.due = now + min(WAIT * 2 ** (self.deaths - 1), LONGEST_WAIT)

    def born(self, now: float) -> None:
        self.since, self.due = now, None


class Supervisor:
    def __init__(self, waves: Sequence[Sequence[str]]) -> None:
        self.children: dict[str, Child] = {}
        self.stopping = False
        self._waves = waves
        self._care: dict[str, Care] = {}

    def add(self, children: Mapping[str, Child]) -> None:
        """Start without waiting."""
        for name, child in children.items():
            self.children[name] = child
            self._care[name] = Care()
            child.spawn()

    def wait(self, names: Iterable[str], *, within: float = PATIENCE) -> None:
        """Until all of them are ready, or we are told to stop.

        Units: seconds. Errors: DidNotStart, for the first that died or when time is up.
        """
        began = time.monotonic()
        waiting = {name: self.children[name] for name in names}
        while waiting and not self.stopping:
            for name, child in list(waiting.items()):
                passed = time.monotonic() - began
                if child.program.ready():
                    del waiting[name]
                    tell(f"{passed:6.1f} s  {name} answers")
                elif child.ended() or passed > within:
                    raise DidNotStart(f"{name} did not start:\n{tail(child.program.log)}")
            time.sleep(LOOK)

    def watch(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Restart what dies, until that is true or we are told to stop."""
        while not (self.stopping or until()):
            for name, child in self.children.items():
                self._look_after(name, child, time.monotonic())
            time.sleep(LOOK * 5)

    def _look_after(self, name: str, child: Child, now: float) -> None:
        care = self._care[name]
        if not child.ended():
            return
        if care.due is None:
            care.died(now)
            tell(f"{name} ended with {child.code}; it starts again")
        elif now >= care.due:
            child.kill()  # its session may hold what it left behind
            child.spawn()
            care.born(now)

    def stop(self) -> None:
        """Wave after wave, so that nobody loses what they lean on."""
        for wave in self._waves:
            asked = [self.children[name] for name in wave if name in self.children]
            for child in asked:
                child.ask_to_stop()
            began = time.monotonic()
            for child in asked:
                child.stop(within=max(0.0, began + child.program.grace - time.monotonic()))


def tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
