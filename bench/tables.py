"""The results for people, as tables on a terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from bench.figures import Delays
from bench.findings import Load
from bench.goals import Standing
from bench.machine import Machine
from bench.phases import TITLES
from bench.report import Results

NONE = "-"
ROLES = ("web", "worker", "postgres", "redis")
REACHED = {None: None, True: "reached", False: "not reached"}

HEADS = (
    *("stack", "offered/s", "accept/s", "apply/s", "answer p50 · p99 · max ms"),
    *("applied p50 · p99 · max ms", "CPU ms/event", *ROLES, "generator", "web MiB"),
    *("others", "refused", "lost", "twice"),
)


def show(results: Results, console: Console) -> None:
    machine(results.machine, console)
    for name, why in results.skipped.items():
        console.print(f"{name} was not measured: {why}")
    for phase, title in TITLES.items():
        rows = [row(name, loads[phase]) for name, loads in results.stacks.items()]
        table(console, title, HEADS, rows)
    ratios(results.ratios(), console)
    standings(results.standings(), console)
    own(results, console)


def own(results: Results, console: Console) -> None:
    """What only our house has."""
    drains = [
        (each.processes, each.events, each.seconds, each.applied_per_second, each.lost)
        for each in results.drains
    ]
    table(console, "A stored backlog", ("processes", "events", "s", "apply/s", "lost"), drains)
    scans = [(each.rows, each.due, delays(each.claim)) for each in results.scans]
    table(console, "One claim of posts", ("rows", "due", "p50 · p99 · max ms"), scans)


def machine(known: Machine, console: Console) -> None:
    console.print(
        f"{known.cores} cores, {known.memory_gib} GiB, {known.system}, Python {known.python};"
        f" load before the run {known.load}"
    )


def row(name: str, load: Load) -> tuple[object, ...]:
    return (
        *(name, load.offered_per_second, load.accepted_per_second, load.applied_per_second),
        *(delays(load.answer), delays(load.applied), load.burden.cost_of_all),
        *(load.burden.cost.get(role) for role in (*ROLES, "generator")),
        *(load.burden.web_mib, f"{load.burden.others:.0%}"),
        *(load.refused, load.lost, load.doubled),
    )


def ratios(known: Mapping[str, Mapping[str, float | None]], console: Console) -> None:
    """One line per figure, one column per peer."""
    titles = next(iter(known.values()), {})
    rows = [(title, *(compared[title] for compared in known.values())) for title in titles]
    table(console, "signalpost divided by each of them", ("figure", *known), rows)


def standings(known: Iterable[Standing], console: Console) -> None:
    rows = [
        (one.title, one.ours, one.theirs, one.peer, one.ratio, one.target, REACHED[one.reached])
        for one in known
    ]
    heads = ("figure", "ours", "best peer's", "who", "x of it", "target", "")
    table(console, "signalpost beside the best peer", heads, rows)


def delays(known: Delays | None) -> str | None:
    return " · ".join(map(short, (known.p50, known.p99, known.max))) if known else None


def short(value: float) -> str:
    """What is a hundred or more needs no tenths."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004 - see above


def table(
    console: Console, title: str, heads: Iterable[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """Nothing at all where nothing was measured."""
    drawn = Table(title=title, title_justify="left")
    for head in heads:
        drawn.add_column(head, justify="right" if drawn.columns else "left")
    for cells in rows:
        drawn.add_row(*(NONE if cell is None else str(cell) for cell in cells))
    if drawn.row_count:
        console.print(drawn)
