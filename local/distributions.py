"""Builds wheel and sdist of a commit so that the same commit gives the same bytes.

Without a network: the backend is called in this environment, whose versions are locked.
"""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

PROJECTS = (".", "clients/python")
"""Folders with a distribution of their own."""

BUILD_PROGRAM = """
import sys
from setuptools import build_meta
target = sys.argv[1]  # the backend changes the arguments
build_meta.build_sdist(target)
build_meta.build_wheel(target)
"""
UMASK = 0o022  # the modes of files are stored in a wheel
FILE_MODE, PROGRAM_MODE = 0o644, 0o755


def export_commit(repository: Path, commit: str, folder: Path) -> None:
    """Write the files of a commit, and nothing else, into a folder."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=repository, check=True, capture_output=True
    ).stdout
    folder.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)


def read_commit_time(repository: Path, commit: str) -> int:
    """Return the time of a commit in seconds since 1970: the time of everything that is built."""
    command = ["git", "log", "-1", "--format=%ct", commit]
    printed = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True)
    return int(printed.stdout)


def build_distributions(source: Path, target: Path, *, epoch: int) -> list[Path]:
    """Build all wheels and sdists of an exported commit. Return their paths, sorted.

    Units: `epoch` in seconds. Errors: CalledProcessError, with the output of the build.
    """
    target.mkdir(parents=True, exist_ok=True)
    for project in PROJECTS:
        run_backend(source / project, target.resolve(), epoch)
    for path in target.glob("*.tar.gz"):
        normalize_sdist(path, epoch)
    return sorted([*target.glob("*.whl"), *target.glob("*.tar.gz")])


def run_backend(project: Path, target: Path, epoch: int) -> None:
    """Build one project. Nothing of this environment but its packages has a say."""
    environment = {
        "PATH": os.environ["PATH"],
        "SOURCE_DATE_EPOCH": str(epoch),
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }
    subprocess.run(
        [sys.executable, "-c", BUILD_PROGRAM, str(target)],
        cwd=project,
        env=environment,
        umask=UMASK,
        check=True,
        capture_output=True,
        text=True,
    )


def normalize_sdist(path: Path, epoch: int) -> None:
    """Write an sdist again with fixed times, owners, modes and order of its files."""
    with tarfile.open(path) as tar:
        members = sorted(tar.getmembers(), key=lambda member: member.name)
        contents = {
            member.name: file.read() for member in members if (file := tar.extractfile(member))
        }
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=buffer, mode="wb", mtime=epoch) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for member in members:
            content = io.BytesIO(contents.get(member.name, b""))
            tar.addfile(normalize_member(member, epoch), content)
    path.write_bytes(buffer.getvalue())


def normalize_member(member: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    is_program = member.isdir() or bool(member.mode & 0o100)
    member.mode = PROGRAM_MODE if is_program else FILE_MODE
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = epoch
    member.pax_headers = {}
    return member
