"""`make bench`: our house and its peers side by side on one ground, in one run, within minutes.

Loads 127.0.0.1 only, bounded in count and time. Ends 1 if anything acknowledged was not applied.
"""

import signal
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import click
from rich.console import Console

from bench.claim_latency import time_claims
from bench.drain import time_drain
from bench.due_calls import time_refreshes, time_status_checks
from bench.full_inbox import compare_inboxes
from bench.load_phases import PhasePlan, measure_phases
from bench.machine import Machine
from bench.peer_dependencies import PeerUnavailable
from bench.report import BenchResults
from bench.shared_servers import ROOT, SharedServers, start_servers
from bench.stacks import STACKS
from bench.tables import print_report
from bench.upload_throughput import time_uploads

OWN_PARTS = ("drain", "scan", "inbox", "upload", "refresh", "status")
PARTS = (*STACKS, *OWN_PARTS)
DRAIN_PROCESS_COUNTS = (1, 2)  # that a backlog is drained by
REPORT_WIDTH = 170  # where nobody's terminal says otherwise


def select_parts(only: Collection[str], parts: Iterable[str]) -> list[str]:
    """Those of the parts that were asked for."""
    return [part for part in parts if not only or part in only]


def measure_stack(
    name: str, servers: SharedServers, plan: PhasePlan, results: BenchResults
) -> None:
    """What a peer misses here is said; the others are measured all the same."""
    try:
        with STACKS[name](servers) as stack:
            results.stacks[name] = measure_phases(stack, plan)
    except PeerUnavailable as why:
        results.skipped[name] = str(why)


def measure_drain(servers: SharedServers, results: BenchResults) -> None:
    for processes in DRAIN_PROCESS_COUNTS:
        events = int(results.options["events"])
        results.drains.append(time_drain(servers, processes=processes, events=events))


def measure_full_inbox(servers: SharedServers, results: BenchResults) -> None:
    rows, events = int(results.options["full"]), int(results.options["events"]) // 4
    seconds = results.options["seconds"]
    results.inboxes = compare_inboxes(servers, rows=rows, seconds=seconds, events=events)


def measure_claims(servers: SharedServers, results: BenchResults) -> None:
    results.scans = time_claims(servers, rows=int(results.options["rows"]))


def measure_uploads(servers: SharedServers, results: BenchResults) -> None:
    results.films.append(time_uploads(servers, mib=int(results.options["film"])))


def measure_refreshes(servers: SharedServers, results: BenchResults) -> None:
    results.calls.append(time_refreshes(servers, count=int(results.options["accounts"])))


def measure_status_checks(servers: SharedServers, results: BenchResults) -> None:
    results.calls.append(time_status_checks(servers, count=int(results.options["checks"])))


MEASUREMENTS = dict(
    zip(
        OWN_PARTS,
        (
            measure_drain,
            measure_claims,
            measure_full_inbox,
            measure_uploads,
            measure_refreshes,
            measure_status_checks,
        ),
        strict=True,
    )
)


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
    results = BenchResults(Machine.inspect(), options)
    plan = PhasePlan(options["idle"], options["seconds"], options["rate"])
    with start_servers() as servers:
        for name in select_parts(only, STACKS):
            measure_stack(name, servers, plan, results)
        for name in select_parts(only, OWN_PARTS):
            MEASUREMENTS[name](servers, results)
    results.write(out)
    print_report(results, Console(width=None if sys.stdout.isatty() else REPORT_WIDTH))
    sys.exit(1 if results.fault_count else 0)


if __name__ == "__main__":
    main()
