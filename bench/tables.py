"""Prints the results of a run as tables on a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench.due_calls import CallBurst
from bench.full_inbox import inbox_ratios
from bench.load_phases import PHASE_TITLES
from bench.load_results import LatencyStats, LoadResult
from bench.machine import Machine
from bench.report import BenchResults
from bench.targets import PeerComparison
from bench.upload_throughput import UploadThroughput

EMPTY_CELL = "-"
VERDICT_TEXTS = {True: "reached", False: "not reached"}
ROLES = ("web", "worker", "uploads", "beat", "postgres", "redis", "generator")
COST_PHASE = "many"  # the phase whose cost is printed by role

LOAD_HEADINGS = (
    *("stack", "offered/s", "accept/s", "apply/s", "answer p50 · p99 · max ms"),
    *("applied p50 · p99 · max ms", "CPU ms/event", "web MiB", "others"),
    *("refused", "lost", "doubled"),
)
DRAIN_HEADINGS = ("processes", "events", "s", "apply/s", "lost")
CLAIM_HEADINGS = ("kind", "rows", "due", "p50 · p99 · max ms")
INBOX_HEADINGS = ("rows", "accept/s", "drain/s", "CPU ms/accepted", "CPU ms/drained", "lost")
UPLOAD_HEADINGS = (
    *("MiB", "chunks", "worker MiB/s", "curl MiB/s", "x of curl", "worker grew by MiB"),
    *("worker CPU s", "curl CPU s", "wrong", "others"),
)
LAST_CHUNK_HEADINGS = (
    *("MiB", "seconds", "last chunk, ms", "slowest before, ms", "HEAD, ms", "web grew, MiB"),
)
VIEW_HEADINGS = ("page or route", "p50", "p95", "max", "failed")
CALL_HEADINGS = (
    *("due at once", "rows", "delay s", "pool", "s", "shortest s", "x", "per second"),
    *("worker CPU ms", "postgres CPU ms", "missed", "doubled", "others"),
)
COMPARISON_HEADINGS = ("figure", "signalpost", "best peer", "peer", "ratio", "target", "")


def print_report(results: BenchResults, console: Console) -> None:
    print_machine(results.machine, console)
    for name, reason in results.skipped.items():
        console.print(f"{name} was not measured: {reason}")
    for phase, title in PHASE_TITLES.items():
        rows = [load_row(name, loads[phase]) for name, loads in results.stacks.items()]
        print_table(console, title, LOAD_HEADINGS, rows)
    costs = [(name, *cost_by_role(loads[COST_PHASE])) for name, loads in results.stacks.items()]
    title = f"Milliseconds of CPU per event, by process: {PHASE_TITLES[COST_PHASE].lower()}"
    print_table(console, title, ("stack", *ROLES), costs)
    print_ratios(results.peer_ratios(), console)
    print_own_results(results, console)
    print_platform_results(results, console)
    print_comparisons(results.peer_comparisons(), console)


def print_machine(machine: Machine, console: Console) -> None:
    console.print(
        f"{machine.cores} cores, {machine.memory_gib} GiB, {machine.system},"
        f" Python {machine.python}, Node {machine.node}; load before the run {machine.load}"
    )


def load_row(name: str, load: LoadResult) -> tuple[object, ...]:
    return (
        *(name, load.offered_per_second, load.accepted_per_second, load.applied_per_second),
        *(format_latency(load.answer), format_latency(load.applied), load.burden.total_cost),
        *(load.burden.web_mib, f"{load.burden.others:.0%}"),
        *(load.refused, load.lost, load.doubled),
    )


def cost_by_role(load: LoadResult) -> list[float | None]:
    return [load.burden.cost.get(role) for role in ROLES]


def print_ratios(
    ratios_by_peer: Mapping[str, Mapping[str, float | None]], console: Console
) -> None:
    """Print one line per figure with one column per peer."""
    titles = next(iter(ratios_by_peer.values()), {})
    rows = [(title, *(ratios[title] for ratios in ratios_by_peer.values())) for title in titles]
    print_table(console, "signalpost divided by each peer", ("figure", *ratios_by_peer), rows)


def print_own_results(results: BenchResults, console: Console) -> None:
    """Print what was measured of signalpost alone: backlog, claims, full table."""
    drains = [
        (drain.processes, drain.events, drain.seconds, drain.applied_per_second, drain.lost)
        for drain in results.drains
    ]
    print_table(console, "A stored backlog", DRAIN_HEADINGS, drains)
    scans = [(scan.kind, scan.rows, scan.due, format_latency(scan.claim)) for scan in results.scans]
    print_table(console, "One claim", CLAIM_HEADINGS, scans)
    inboxes = [tuple(asdict(inbox).values()) for inbox in results.inboxes]
    if inboxes:
        ratios = inbox_ratios(results.inboxes).values()
        inboxes.append(("ratio (1: as fast)", *ratios, None))
    print_table(console, "A full events table", INBOX_HEADINGS, inboxes)


def print_platform_results(results: BenchResults, console: Console) -> None:
    print_table(
        console, "A video to the platform", UPLOAD_HEADINGS, map(upload_row, results.uploads)
    )
    chunks = [tuple(asdict(chunk).values()) for chunk in results.last_chunks]
    print_table(console, "An upload to signalpost by size", LAST_CHUNK_HEADINGS, chunks)
    views = [tuple(asdict(view).values()) for view in results.views]
    print_table(console, "Pages of a user with very many posts, ms", VIEW_HEADINGS, views)
    print_table(
        console, "Calls to the platform, two processes", CALL_HEADINGS, map(call_row, results.calls)
    )
    targets = [
        (target.title, target.figure, target.bound, VERDICT_TEXTS[target.reached])
        for target in results.own_target_results()
    ]
    print_table(console, "Targets", ("figure", "signalpost", "bound", ""), targets)


def upload_row(upload: UploadThroughput) -> tuple[object, ...]:
    return (
        *(upload.mib, upload.chunks, upload.ours, upload.curls, upload.curl_ratio, upload.growth),
        *(upload.cost["worker"], upload.curl_cost, upload.wrong, f"{upload.others:.0%}"),
    )


def call_row(burst: CallBurst) -> tuple[object, ...]:
    return (
        *(burst.kind, burst.due, burst.delay, burst.concurrency),
        *(burst.seconds, burst.best, burst.slowdown, burst.per_second),
        *(burst.cost["worker"], burst.cost["postgres"]),
        *(burst.missed, burst.doubled, f"{burst.others:.0%}"),
    )


def print_comparisons(comparisons: Sequence[PeerComparison], console: Console) -> None:
    """Print a table, and at the very end a sentence for each figure with a target."""
    rows = [
        (
            *(comparison.title, comparison.ours, comparison.theirs, comparison.peer),
            *(comparison.ratio, comparison.target, verdict_text(comparison)),
        )
        for comparison in comparisons
    ]
    print_table(console, "signalpost and the best peer", COMPARISON_HEADINGS, rows)
    for comparison in comparisons:
        if comparison.target:
            console.print(
                f"{comparison.title}: {comparison.ratio} x {comparison.peer}, the best peer"
                f" (target {comparison.target}): {verdict_text(comparison)}"
            )


def verdict_text(comparison: PeerComparison) -> str | None:
    return None if comparison.reached is None else VERDICT_TEXTS[comparison.reached]


def print_table(
    console: Console, title: str, headings: Iterable[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """Print a table; nothing without rows."""
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if table.columns else "left")
    for cells in rows:
        table.add_row(*(EMPTY_CELL if cell is None else str(cell) for cell in cells))
    if table.row_count:
        console.print(table)


def format_latency(latency: LatencyStats | None) -> str | None:
    if latency is None:
        return None
    return " · ".join(map(format_number, (latency.p50, latency.p99, latency.max)))


def format_number(value: float) -> str:
    """Format with one decimal below a hundred, without decimals above."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004 - see the docstring
