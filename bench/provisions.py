"""What two of the peers need beside our own environment: fetched once, kept below `build/`.

Everything comes from locks with hashes. What cannot be had is `Missing`: the rest is measured.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.ground import ROOT
from local.supervisor import tell

HOME = ROOT / "build" / "bench"
VENV = HOME / "python"
PYTHON = VENV / "bin" / "python"
NODE = HOME / "node"
NODE_MODULES = NODE / "node_modules"

LOCK = ROOT / "requirements-bench.lock"
NODE_PEER = ROOT / "bench" / "peers" / "express_bullmq"
MANIFESTS = (NODE_PEER / "package.json", NODE_PEER / "package-lock.json")

PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
WHEELS = ("--require-hashes", "--only-binary=:all:", "-r", str(LOCK))
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

PATIENCE = 300.0  # seconds of one command


class Missing(Exception):
    """A peer cannot be measured here; the sentence says why."""


def python() -> None:
    """An environment of its own: arq wants an older redis client than ours."""
    once(VENV, (LOCK,), "fastapi_arq", make_python)


def node() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        raise Missing("node and npm are not on this machine.")
    once(NODE, MANIFESTS, "express_bullmq", make_node)


def once(folder: Path, sources: tuple[Path, ...], peer: str, make: Callable[[], None]) -> None:
    """Again only when a source has changed, or Python; half of it is none."""
    told = (sys.version.encode(), *(source.read_bytes() for source in sources))
    wanted, stamp = hashlib.sha256(b"".join(told)).hexdigest(), folder / "stamp"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    tell(f"Fetching what {peer} needs, into build/bench …")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make()
    stamp.write_text(wanted)


def make_python() -> None:
    run(sys.executable, "-m", "venv", str(VENV))
    run(str(PYTHON), *PIP, *WHEELS)


def make_node() -> None:
    for manifest in MANIFESTS:
        shutil.copy(manifest, NODE)
    run(*NPM, folder=NODE)


def run(*command: str, folder: Path = ROOT) -> None:
    """Errors: Missing, with the last line it said."""
    try:
        subprocess.run(
            command, check=True, cwd=folder, timeout=PATIENCE, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired as late:
        raise Missing(f"{Path(command[0]).name} took longer than {PATIENCE:.0f} s.") from late
    except subprocess.CalledProcessError as failed:
        said = (failed.stderr or failed.stdout).strip().splitlines() or ["nothing"]
        raise Missing(f"{Path(command[0]).name} failed and said: {said[-1]}") from failed
