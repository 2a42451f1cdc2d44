"""All figures of one run, the ratios between its stacks, and the JSON. Measures nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.calls import Calls
from bench.drain import Drain
from bench.figures import ratio
from bench.film import Films
from bench.goals import GOALS, OURS, Met, Phases, Standing, met, standings
from bench.inbox import Inbox
from bench.machine import Machine
from bench.scan import Scan


@dataclass
class Results:
    """`skipped` says of each peer that could not be measured why."""

    machine: Machine
    options: Mapping[str, float]
    stacks: dict[str, Phases] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    drains: list[Drain] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    inboxes: list[Inbox] = field(default_factory=list)
    films: list[Films] = field(default_factory=list)
    calls: list[Calls] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """Acknowledged by us or stored, and not applied once; due, and not called for once. What
        peers lose is a figure.
        """
        loads = self.stacks.get(OURS, {}).values()
        drained = sum(drain.lost for drain in self.drains)
        drained += sum(inbox.lost for inbox in self.inboxes)
        drained += sum(call.missed + call.doubled + call.wrong for call in self.calls)
        drained += sum(film.wrong + (film.ours == 0) for film in self.films)
        return drained + sum(load.lost + load.doubled for load in loads)

    def standings(self) -> list[Standing]:
        return standings(self.stacks)

    def aims(self) -> list[Met]:
        """What of ours alone was aimed at, as far as it was measured."""
        idle = [one for one in self.scans if one.due == 0]
        figures = {f"scan {one.kind}": one.claim.p99 for one in idle if one.claim}
        for film in self.films:
            figures |= {"upload": film.share, "growth": film.growth}
        for call in self.calls:
            figures[call.kind] = call.stretch if call.kind == "accounts" else call.per_second
        return met(figures)

    def ratios(self) -> dict[str, dict[str, float | None]]:
        """Ours divided by each peer's; None where one of them has no such figure."""
        ours = self.stacks.get(OURS)
        peers = {name: phases for name, phases in self.stacks.items() if name != OURS}
        return {name: compared(ours, phases) for name, phases in peers.items() if ours}

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        told = [{**asdict(one), "reached": one.reached} for one in self.standings()]
        aims = [asdict(one) for one in self.aims()]
        whole = {**asdict(self), "ratios": self.ratios(), "standings": told, "aims": aims}
        path.write_text(json.dumps(whole, indent=1) + "\n")


def compared(ours: Phases, theirs: Phases) -> dict[str, float | None]:
    return {goal.title: ratio(goal.of(ours), goal.of(theirs)) for goal in GOALS}
