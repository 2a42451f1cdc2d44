"""Debian's buildah, podman and runc, with images, containers and networks in a folder of their own.

They need no engine that runs all the time, and none of this machine's settings.
"""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGES = ("buildah", "podman", "runc", "mmdebstrap", "iptables", "netavark", "aardvark-dns")
INSTALL_COMMAND = f"apt-get install {' '.join(PACKAGES)} catatonit"
FOLDERS_OF_PROGRAMS = (*os.environ["PATH"].split(os.pathsep), "/usr/sbin", "/usr/lib/podman")
RUN_TIME_LIMIT = 1_200  # seconds; the slowest is building an image, on a busy machine
MOST_FILES, MOST_PROCESSES = 10_000, 4_096

CONTAINERS_CONFIG = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
static_dir = "{folder}/static"
tmp_dir = "{folder}/tmp"
volume_path = "{folder}/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
STORAGE_CONFIG = """
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
"""


@dataclass(frozen=True)
class ContainerEngine:
    """`run` passes its words to buildah or podman."""

    folder: Path

    def run(self, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program to its end. Errors: AssertionError with what it wrote."""
        done = subprocess.run(
            [str(word) for word in words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=RUN_TIME_LIMIT,
            check=False,
        )
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }

    def build(self, image: str, dockerfile: Path, context: Path, *options: str) -> None:
        """Build an image with a layer for each step, as Docker does."""
        self.run(
            *("buildah", "bud", "--isolation=chroot", "--layers", "--pull-never"),
            *(f"--tag={image}", f"--file={dockerfile}", *options, context),
        )

    def contains(self, image: str, *texts: str) -> set[str]:
        """Return which of the texts are in the layers, the history or the settings of the image."""
        command = ["podman", "save", "--format=docker-archive", image]
        wanted = {text: text.encode() for text in texts}
        overlap = max(len(each) for each in wanted.values())
        found, tail = set(), b""
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE) as process:
            while block := process.stdout.read(2**22):
                window = tail + block
                found |= {text for text, each in wanted.items() if each in window}
                tail = window[-overlap:]
        assert process.returncode == 0, f"{image} cannot be saved"
        return found


@contextmanager
def run_engine(folder: Path) -> Iterator[ContainerEngine]:
    """An engine without images. All that it made is removed at the end."""
    path = os.pathsep.join(FOLDERS_OF_PROGRAMS)
    missing = [name for name in PACKAGES if shutil.which(name, path=path) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root, and: {INSTALL_COMMAND}")
    limits = {
        "files": limit_at_most(resource.RLIMIT_NOFILE, MOST_FILES),
        "processes": limit_at_most(resource.RLIMIT_NPROC, MOST_PROCESSES),
    }
    config = CONTAINERS_CONFIG.format(folder=folder, **limits)
    (folder / "containers.conf").write_text(config)
    (folder / "storage.conf").write_text(STORAGE_CONFIG.format(folder=folder))
    engine = ContainerEngine(folder)
    try:
        yield engine
    finally:
        engine.run("podman", "rm", "--all", "--force", "--time=0", check=False)
        engine.run("podman", "network", "prune", "--force", check=False)
        engine.run("podman", "system", "reset", "--force", check=False)


def limit_at_most(kind: int, most: int) -> int:
    """A limit that this process may set: without the right to raise limits, at most its own."""
    _, hard = resource.getrlimit(kind)
    return most if hard == resource.RLIM_INFINITY else min(hard, most)
