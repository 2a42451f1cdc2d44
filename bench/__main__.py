"""`make bench`: our house and its peers side by side on one ground, in one run, within minutes.

Loads 127.0.0.1 only, bounded in count and time. Ends 1 if anything acknowledged was not applied.
"""

import signal
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import click
from rich.console import Console

from bench.calls import checks, refreshes
from bench.drain import drain
from bench.film import films
from bench.ground import ROOT, Ground, prepared
from bench.inbox import inboxes
from bench.machine import Machine
from bench.phases import Plan, measure
from bench.provisions import Missing
from bench.report import Results
from bench.scan import scan
from bench.stacks import STACKS
from bench.tables import show

OWN = ("drain", "scan", "inbox", "upload", "refresh", "status")
PARTS = (*STACKS, *OWN)
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


def drained(ground: Ground, results: Results) -> None:
    for processes in PROCESSES:
        events = int(results.options["events"])
        results.drains.append(drain(ground, processes=processes, events=events))


def filled(ground: Ground, results: Results) -> None:
    rows, events = int(results.options["full"]), int(results.options["events"]) // 4
    seconds = results.options["seconds"]
    results.inboxes = inboxes(ground, rows=rows, seconds=seconds, events=events)


def scanned(ground: Ground, results: Results) -> None:
    results.scans = scan(ground, rows=int(results.options["rows"]))


def filmed(ground: Ground, results: Results) -> None:
    results.films.append(films(ground, mib=int(results.options["film"])))


def refreshed(ground: Ground, results: Results) -> None:
    results.calls.append(refreshes(ground, count=int(results.options["accounts"])))


def checked(ground: Ground, results: Results) -> None:
    results.calls.append(checks(ground, count=int(results.options["checks"])))


MEASURES = dict(zip(OWN, (drained, scanned, filled, filmed, refreshed, checked), strict=True))


@click.command()
@click.option("--seconds", default=4.0, show_default=True, help="Of each phase of load.")
@click.option("--idle", default=8.0, show_default=True, help="Seconds with hardly any letters.")
@click.option("--rate", default=100.0, show_default=True, help="Letters per second for all.")
@click.option("--events", default=20_000, show_default=True, help="Of the stored backlog.")
@click.option("--rows", default=1_000_000, show_default=True, help="Accounts and posts, not due.")
@click.option("--full", default=200_000, show_default=True, help="Notices in a full inbox.")
@click.option("--film", default=1024, show_default=True, help="MiB of the film that is sent.")
@click.option("--accounts", default=10_000, show_default=True, help="Tokens that end at once.")
@click.option("--checks", default=10_000, show_default=True, help="Posts to be asked after.")
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
        for name in chosen(only, OWN):
            MEASURES[name](ground, results)
    results.write(out)
    show(results, Console(width=None if sys.stdout.isatty() else WIDTH))
    sys.exit(1 if results.wrong else 0)


if __name__ == "__main__":
    main()
