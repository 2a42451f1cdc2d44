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
from bench.ground import ROOT, prepared
from bench.load import measure
from bench.machine import Machine
from bench.report import Results
from bench.scan import scan
from bench.stacks import STACKS
from bench.tables import show

PARTS = (*STACKS, "drain", "scan")
PROCESSES = (1, 2)  # that a backlog is drained by
WIDTH = 200  # where nobody's terminal says otherwise


def chosen(only: Collection[str], parts: Iterable[str]) -> list[str]:
    """Those of the parts that were asked for."""
    return [part for part in parts if not only or part in only]


@click.command()
@click.option("--seconds", default=6.0, show_default=True, help="Of each phase of load.")
@click.option("--rate", default=100.0, show_default=True, help="Letters per second, open loop.")
@click.option("--events", default=3000, show_default=True, help="Of the stored backlog.")
@click.option("--rows", default=100_000, show_default=True, help="Posts that are not due.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Parts; all by default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "build" / "bench.json",
    help="Where the figures go.",
)
def main(
    *, seconds: float, rate: float, events: int, rows: int, only: tuple[str, ...], out: Path
) -> None:
    """Measure webhook ingress and drain."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all is stopped in order
    options = {"seconds": seconds, "rate": rate, "events": events, "rows": rows}
    results = Results(Machine.here(), options)
    with prepared() as ground:
        for name in chosen(only, STACKS):
            with STACKS[name](ground) as stack:
                results.stacks[name] = measure(stack, seconds=seconds, rate=rate)
        for processes in PROCESSES if chosen(only, ["drain"]) else ():
            results.drains.append(drain(ground, processes=processes, events=events))
        if chosen(only, ["scan"]):
            results.scans = scan(ground, rows=rows)
    results.write(out)
    show(results, Console(width=None if sys.stdout.isatty() else WIDTH))
    sys.exit(1 if results.wrong else 0)


if __name__ == "__main__":
    main()
