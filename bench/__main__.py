"""`make bench`: our house and its peers side by side on one ground, in one run, within minutes.

Loads 127.0.0.1 only, bounded in count and time. Ends 1 if anything acknowledged was not applied.
"""

import signal
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import click
from rich.console import Console

from bench.drain import drain
from bench.ground import ROOT, Ground, prepared
from bench.inbox import inboxes
from bench.machine import Machine
from bench.phases import Plan, measure
from bench.provisions import Missing
from bench.report import Results
from bench.scan import scan
from bench.stacks import STACKS
from bench.tables import show

PARTS = (*STACKS, "drain", "scan", "inbox")
PROCESSES = (1, 2)  # that a backlog is drained by
WIDTH = 170  # where nobody's terminal says otherwise


def chosen(only: Collection[str], parts: Iterable[str]) -> list[str]:
    """Those of the parts that were asked for."""
    return [part for part in parts if not only or part in only]


def one(name: str, ground: Ground, plan: Plan, results: Results) -> None:
    """What a peer misses here is said; the others are measured all the same."""
    try:
        with STACKS[name](ground) as stack:
            results.stacks[name] = measure(stack, plan)
    except Missing as why:
        results.skipped[name] = str(why)


@click.command()
@click.option("--seconds", default=4.0, show_default=True, help="Of each phase of load.")
@click.option("--idle", default=8.0, show_default=True, help="Seconds with hardly any letters.")
@click.option("--rate", default=100.0, show_default=True, help="Letters per second for all.")
@click.option("--events", default=20_000, show_default=True, help="Of the stored backlog.")
@click.option("--rows", default=100_000, show_default=True, help="Posts that are not due.")
@click.option("--full", default=200_000, show_default=True, help="Notices in a full inbox.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Parts; all by default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "build" / "bench.json",
    help="Where the figures go.",
)
def main(*, out: Path, only: tuple[str, ...], **options: float) -> None:
    """Measure webhook ingress and drain."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all is stopped in order
    results = Results(Machine.here(), options)
    plan = Plan(options["idle"], options["seconds"], options["rate"])
    with prepared() as ground:
        for name in chosen(only, STACKS):
            one(name, ground, plan, results)
        for processes in PROCESSES if chosen(only, ["drain"]) else ():
            results.drains.append(drain(ground, processes=processes, events=int(options["events"])))
        if chosen(only, ["scan"]):
            results.scans = scan(ground, rows=int(options["rows"]))
        if chosen(only, ["inbox"]):
            results.inboxes = inboxes(
                ground,
                rows=int(options["full"]),
                seconds=options["seconds"],
                events=int(options["events"]) // 4,
            )
    results.write(out)
    show(results, Console(width=None if sys.stdout.isatty() else WIDTH))
    sys.exit(1 if results.wrong else 0)


if __name__ == "__main__":
    main()
