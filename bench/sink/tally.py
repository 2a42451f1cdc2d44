"""Calls counted: how often for each id, how many at once, from when to when. Answers nothing."""

import time
from dataclasses import dataclass, field
from typing import Any

TOLD = ("count", "wrong", "most_at_once", "first", "last")


@dataclass
class Tally:
    """One kind of call. Seconds since 1970."""

    count: int = 0
    wrong: int = 0
    most_at_once: int = 0
    first: float = 0.0
    last: float = 0.0
    of: dict[str, int] = field(default_factory=dict)
    open: int = 0

    def began(self, name: str) -> None:
        self.first = self.first or time.time()
        self.count += 1
        self.of[name] = self.of.get(name, 0) + 1
        self.open += 1
        self.most_at_once = max(self.most_at_once, self.open)

    def ended(self) -> None:
        self.last = time.time()
        self.open -= 1

    def told(self) -> dict[str, Any]:
        of = {"ids": len(self.of), "most_per_id": max(self.of.values(), default=0)}
        return of | {name: getattr(self, name) for name in TOLD}
