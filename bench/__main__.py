"""`make bench`: measures signalpost and its peers in one run, on the same machine and servers.

Loads 127.0.0.1 only, limited in number and time. Exits with 1 if an acknowledged event was not
applied exactly once.
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
from bench.large_user_times import time_views
from bench.last_chunk import time_last_chunks
from bench.load_phases import PhasePlan, measure_phases
from bench.machine import Machine
from bench.peer_dependencies import PeerUnavailable
from bench.report import BenchResults
from bench.shared_servers import ROOT, SharedServers, start_servers
from bench.stacks import STACKS
from bench.tables import print_report
from bench.upload_throughput import time_uploads
from platforms.chunks import MAX_FILE_SIZE

DRAIN_PROCESS_COUNTS = (1, 2)  # worker processes that apply the stored backlog
REPORT_WIDTH = 170  # characters, if stdout is not a terminal


def select_parts(only: Collection[str], parts: Iterable[str]) -> list[str]:
    """Return the parts named by `--only`; all without it."""
    return [part for part in parts if not only or part in only]


def measure_stack(
    name: str, servers: SharedServers, plan: PhasePlan, results: BenchResults
) -> None:
    """Measure one stack; a peer that cannot run here is reported as skipped."""
    try:
        with STACKS[name](servers) as stack:
            results.stacks[name] = measure_phases(stack, plan)
    except PeerUnavailable as error:
        results.skipped[name] = str(error)


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
    results.uploads.append(time_uploads(servers, mib=int(results.options["film"])))


def measure_refreshes(servers: SharedServers, results: BenchResults) -> None:
    results.calls.append(time_refreshes(servers, count=int(results.options["accounts"])))


def measure_status_checks(servers: SharedServers, results: BenchResults) -> None:
    results.calls.append(time_status_checks(servers, count=int(results.options["checks"])))


def measure_last_chunks(servers: SharedServers, results: BenchResults) -> None:
    results.last_chunks += time_last_chunks(servers, largest_mib=int(results.options["film"]))


def measure_views(servers: SharedServers, results: BenchResults) -> None:
    results.views += time_views(servers, posts=int(results.options["posts"]))


MEASUREMENTS = {
    "drain": measure_drain,
    "scan": measure_claims,
    "inbox": measure_full_inbox,
    "upload": measure_uploads,
    "last-chunk": measure_last_chunks,
    "refresh": measure_refreshes,
    "status": measure_status_checks,
    "million": measure_views,
}
"""Measurements of signalpost alone."""

PARTS = (*STACKS, *MEASUREMENTS)


@click.command()
@click.option("--seconds", default=4.0, show_default=True, help="Seconds of each load phase.")
@click.option("--idle", default=8.0, show_default=True, help="Seconds of the idle phase.")
@click.option(
    "--rate",
    default=100.0,
    show_default=True,
    help="Deliveries per second in the phase with the same rate for all stacks.",
)
@click.option(
    "--events", default=20_000, show_default=True, help="Events in the stored backlog (drain)."
)
@click.option(
    "--rows", default=1_000_000, show_default=True, help="Accounts and posts, none due (scan)."
)
@click.option(
    "--full", default=200_000, show_default=True, help="Applied events in a full table (inbox)."
)
@click.option(
    "--film",
    type=click.IntRange(1, MAX_FILE_SIZE // 2**20),
    default=1024,
    show_default=True,
    help="MiB of the video (upload, last-chunk).",
)
@click.option(
    "--accounts", default=10_000, show_default=True, help="Tokens that expire at once (refresh)."
)
@click.option(
    "--checks", default=10_000, show_default=True, help="Posts to be polled at once (status)."
)
@click.option("--posts", default=1_000_000, show_default=True, help="Posts of one user (million).")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(PARTS),
    help="Measure only this part; may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=ROOT / "build" / "bench.json",
    help="The JSON file to write.  [default: build/bench.json]",
)
def main(*, out: Path, only: tuple[str, ...], **options: float) -> None:
    """Measure webhook ingress, the stored backlog and calls to platforms."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # an exit stops all servers in order
    results = BenchResults(Machine.inspect(), options)
    plan = PhasePlan(options["idle"], options["seconds"], options["rate"])
    with start_servers() as servers:
        for name in select_parts(only, STACKS):
            measure_stack(name, servers, plan, results)
        for name in select_parts(only, MEASUREMENTS):
            MEASUREMENTS[name](servers, results)
    results.write(out)
    print_report(results, Console(width=None if sys.stdout.isatty() else REPORT_WIDTH))
    sys.exit(1 if results.fault_count else 0)


if __name__ == "__main__":
    main()
