"""Bytes and calls to platforms as tables, and what was aimed at for our house alone."""

from rich.console import Console

from bench.calls import Calls
from bench.drawing import VERDICTS, table
from bench.film import Films
from bench.report import Results

FILM = (
    *("MiB", "chunks", "worker MiB/s", "curl MiB/s", "share", "worker grew by MiB"),
    *("worker CPU s", "curl CPU s", "wrong", "others"),
)
CALLS = (
    *("due at once", "rows", "delay s", "pool", "s", "at best s", "x", "per second"),
    *("worker CPU ms", "postgres CPU ms", "missed", "twice", "others"),
)


def outward(results: Results, console: Console) -> None:
    table(console, "A film to the platform", FILM, map(film, results.films))
    table(console, "Calls to the platform, two processes", CALLS, map(call, results.calls))
    aims = [(one.title, one.figure, one.bound, VERDICTS[one.reached]) for one in results.aims()]
    table(console, "Aimed at", ("figure", "ours", "bound", ""), aims)


def film(one: Films) -> tuple[object, ...]:
    return (
        *(one.mib, one.chunks, one.ours, one.curls, one.share, one.growth),
        *(one.cost["worker"], one.curl_cost, one.wrong, f"{one.others:.0%}"),
    )


def call(one: Calls) -> tuple[object, ...]:
    return (
        *(one.kind, one.due, one.delay, one.concurrency, one.seconds, one.best, one.stretch),
        *(one.per_second, one.cost["worker"], one.cost["postgres"]),
        *(one.missed, one.doubled, f"{one.others:.0%}"),
    )
