"""Installs what two peers need, once, below `build/bench`, from locks with hashes.

A peer whose dependencies cannot be installed is reported as `PeerUnavailable` and skipped.
"""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.shared_servers import ROOT
from local.supervisor import print_status

INSTALL_FOLDER = ROOT / "build" / "bench"
VENV = INSTALL_FOLDER / "python"
PYTHON = VENV / "bin" / "python"
NODE_FOLDER = INSTALL_FOLDER / "node"
NODE_MODULES = NODE_FOLDER / "node_modules"

PYTHON_LOCK = ROOT / "requirements-bench.lock"
NODE_PEER_FOLDER = ROOT / "bench" / "peers" / "express_bullmq"
NODE_MANIFESTS = (NODE_PEER_FOLDER / "package.json", NODE_PEER_FOLDER / "package-lock.json")

PIP_INSTALL = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
PIP_OPTIONS = ("--require-hashes", "--only-binary=:all:", "-r", str(PYTHON_LOCK))
NPM_INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")

COMMAND_TIMEOUT = 300.0  # seconds of one command


class PeerUnavailable(Exception):
    """A peer cannot be measured on this machine; the message says why."""


def install_python_packages() -> None:
    """Install into a separate environment: arq needs an older redis client than ours."""
    install_once(VENV, (PYTHON_LOCK,), "fastapi_arq", create_python_environment)


def install_node_packages() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        raise PeerUnavailable("node and npm are not installed.")
    install_once(NODE_FOLDER, NODE_MANIFESTS, "express_bullmq", run_npm_install)


def install_once(
    folder: Path, sources: tuple[Path, ...], peer: str, install: Callable[[], None]
) -> None:
    """Install unless it is up to date: after a change of a lock, of Python, or a failed attempt."""
    fingerprint_parts = (sys.version.encode(), *(source.read_bytes() for source in sources))
    fingerprint, stamp = hashlib.sha256(b"".join(fingerprint_parts)).hexdigest(), folder / "stamp"
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    print_status(f"Fetching what {peer} needs, into build/bench …")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install()
    stamp.write_text(fingerprint)


def create_python_environment() -> None:
    run_command(sys.executable, "-m", "venv", str(VENV))
    run_command(str(PYTHON), *PIP_INSTALL, *PIP_OPTIONS)


def run_npm_install() -> None:
    for manifest in NODE_MANIFESTS:
        shutil.copy(manifest, NODE_FOLDER)
    run_command(*NPM_INSTALL, folder=NODE_FOLDER)


def run_command(*command: str, folder: Path = ROOT) -> None:
    """Run a command. Errors: PeerUnavailable, with the last line of its output."""
    try:
        subprocess.run(
            command, check=True, cwd=folder, timeout=COMMAND_TIMEOUT, capture_output=True, text=True
        )
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailable(
            f"{Path(command[0]).name} took longer than {COMMAND_TIMEOUT:.0f} s."
        ) from error
    except subprocess.CalledProcessError as error:
        output = (error.stderr or error.stdout).strip().splitlines() or ["no output"]
        raise PeerUnavailable(f"{Path(command[0]).name} failed: {output[-1]}") from error
