"""How much of the machine others used meanwhile: figures of a shared machine say so themselves."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from bench.costs import cpu, family


@dataclass
class Weather:
    """Share of all cores, 0 to 1, that neither we nor what we started spent."""

    others: float = 0.0


@contextmanager
def noted() -> Iterator[Weather]:
    weather = Weather()
    began, busy, own = time.monotonic(), machine(), ours()
    yield weather
    passed = (time.monotonic() - began) * (psutil.cpu_count() or 1)
    foreign = (machine() - busy) - (ours() - own)
    weather.others = round(max(0.0, foreign) / passed, 3)


def machine() -> float:
    """CPU seconds that all cores were at work."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def ours() -> float:
    """Stores, stack, generator: all of them are our children."""
    return sum(cpu(each) for each in family(os.getpid()))
