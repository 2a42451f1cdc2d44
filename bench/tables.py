"""The results for people, as tables on a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console

from bench.drawing import VERDICTS, delays, table
from bench.findings import Load
from bench.goals import Standing
from bench.inbox import compared
from bench.machine import Machine
from bench.outward import outward
from bench.phases import TITLES
from bench.report import Results

ROLES = ("web", "worker", "uploads", "beat", "postgres", "redis", "generator")

HEADS = (
    *("stack", "offered/s", "accept/s", "apply/s", "answer p50 · p99 · max ms"),
    *(
        "applied p50 · p99 · max ms",
        "CPU ms/event",
        "web MiB",
        "others",
        "refused",
        "lost",
        "twice",
    ),
)
DETAILED = "many"  # the phase whose cost is told by role


def show(results: Results, console: Console) -> None:
    machine(results.machine, console)
    for name, why in results.skipped.items():
        console.print(f"{name} was not measured: {why}")
    for phase, title in TITLES.items():
        rows = [row(name, loads[phase]) for name, loads in results.stacks.items()]
        table(console, title, HEADS, rows)
    costs = [(name, *roles(loads[DETAILED])) for name, loads in results.stacks.items()]
    title = f"Milliseconds of CPU per event, by whom: {TITLES[DETAILED].lower()}"
    table(console, title, ("stack", *ROLES), costs)
    ratios(results.ratios(), console)
    own(results, console)
    outward(results, console)
    standings(results.standings(), console)


def own(results: Results, console: Console) -> None:
    """What only our house has."""
    drains = [
        (each.processes, each.events, each.seconds, each.applied_per_second, each.lost)
        for each in results.drains
    ]
    table(console, "A stored backlog", ("processes", "events", "s", "apply/s", "lost"), drains)
    scans = [(each.kind, each.rows, each.due, delays(each.claim)) for each in results.scans]
    table(console, "One claim", ("kind", "rows", "due", "p50 · p99 · max ms"), scans)
    full = [tuple(asdict(each).values()) for each in results.inboxes]
    ratios = [("ratio, 1 is as fast", *compared(results.inboxes).values(), None)] if full else []
    heads = ("rows", "accept/s", "drain/s", "CPU ms/accepted", "CPU ms/drained", "lost")
    table(console, "A full inbox", heads, full + ratios)


def machine(known: Machine, console: Console) -> None:
    console.print(
        f"{known.cores} cores, {known.memory_gib} GiB, {known.system}, Python {known.python},"
        f" Node {known.node}; load before the run {known.load}"
    )


def row(name: str, load: Load) -> tuple[object, ...]:
    return (
        *(name, load.offered_per_second, load.accepted_per_second, load.applied_per_second),
        *(delays(load.answer), delays(load.applied), load.burden.cost_of_all),
        *(load.burden.web_mib, f"{load.burden.others:.0%}"),
        *(load.refused, load.lost, load.doubled),
    )


def roles(load: Load) -> list[float | None]:
    return [load.burden.cost.get(role) for role in ROLES]


def ratios(known: Mapping[str, Mapping[str, float | None]], console: Console) -> None:
    """One line per figure, one column per peer."""
    titles = next(iter(known.values()), {})
    rows = [(title, *(compared[title] for compared in known.values())) for title in titles]
    table(console, "signalpost divided by each of them", ("figure", *known), rows)


def standings(known: Sequence[Standing], console: Console) -> None:
    """As a table, and what is aimed at as sentences: the last thing that is read."""
    rows = [
        (one.title, one.ours, one.theirs, one.peer, one.ratio, one.target, verdict(one))
        for one in known
    ]
    heads = ("figure", "ours", "best peer's", "who", "x of it", "target", "")
    table(console, "signalpost beside the best peer", heads, rows)
    for one in known:
        if one.target:
            console.print(
                f"{one.title}: {one.ratio} x {one.peer}, the best peer"
                f" (target {one.target}): {verdict(one)}"
            )


def verdict(one: Standing) -> str | None:
    return None if one.reached is None else VERDICTS[one.reached]
