"""The results for people, as tables on a terminal."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from bench.figures import Delays
from bench.load import Load
from bench.machine import Machine
from bench.report import Results

NONE = "-"
ROLES = ("web", "worker", "postgres", "redis")

TITLES = {
    "closed": "As fast as it goes: every sender waits for its answer",
    "open": "At a fixed rate, whatever is answered: delays from when a letter was due",
}
HEADS = (
    *("stack", "accept/s", "apply/s", "answer p50 · p99 · max ms", "applied p50 · p99 · max ms"),
    *("CPU ms/event", *ROLES, "generator", "refused", "lost", "twice"),
)


def show(results: Results, console: Console) -> None:
    machine(results.machine, console)
    for phase, title in TITLES.items():
        rows = [row(name, loads[phase]) for name, loads in results.stacks.items()]
        table(console, title, HEADS, rows)
    ratios(results.ratios(), console)
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
        *(name, load.accepted_per_second, load.applied_per_second),
        *(delays(load.answer), delays(load.applied), load.cost_of_all),
        *(load.cost.get(role) for role in (*ROLES, "generator")),
        *(load.refused, load.lost, load.doubled),
    )


def ratios(known: Mapping[str, Mapping[str, float | None]], console: Console) -> None:
    heads = next(iter(known.values()), {})
    rows = [(name, *compared.values()) for name, compared in known.items()]
    table(console, "signalpost divided by each of them", ("against", *heads), rows)


def delays(known: Delays | None) -> str | None:
    return f"{known.p50:.1f} · {known.p99:.1f} · {known.max:.1f}" if known else None


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
