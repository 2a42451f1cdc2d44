"""The bill of materials of a release, as CycloneDX JSON: every locked package with its hashes.

Source: CycloneDX 1.6, bom-1.6.schema.json, read 2026-11-30.
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ENTRY_PATTERN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
HASH_PATTERN = re.compile(r"--hash=sha256:([0-9a-f]{64})")
REQUIREMENT_PATTERN = re.compile(r"[A-Za-z0-9._-]+")
MAX_LICENSE_LENGTH = 100  # characters; longer ones are the text of a license and not its name
NAMESPACE = uuid.UUID("5f0c3f0e-2d55-4b5a-9a3e-0d6c53a1b7f4")  # of serial numbers, drawn once


@dataclass
class LockedPackage:
    """A package of the lock, with the hashes of the wheels that may be installed."""

    name: str
    version: str
    hashes: list[str] = field(default_factory=list)

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{normalize_name(self.name)}@{self.version}"


def build_bom(lock: str, *, name: str, version: str, epoch: int) -> dict[str, Any]:
    """Return the bill of materials. It depends on nothing but the arguments and what is installed.

    Units: `epoch` in seconds. Shapes: `lock` is the text of a lock file of pip.
    """
    packages = list(read_lock(lock))
    refs = {normalize_name(package.name): package.purl for package in packages}
    root = f"pkg:pypi/{name}@{version}"
    bom: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).isoformat(),
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": name,
                "version": version,
                "purl": root,
                "licenses": [{"expression": "MIT"}],
            },
        },
        "components": [describe_package(package) for package in packages],
        "dependencies": [
            {"ref": root, "dependsOn": list_dependencies(name, refs)},
            *(
                {"ref": package.purl, "dependsOn": list_dependencies(package.name, refs)}
                for package in packages
            ),
        ],
    }
    serial = uuid.uuid5(NAMESPACE, json.dumps(bom, sort_keys=True))
    return {**bom, "serialNumber": f"urn:uuid:{serial}"}


def write_bom(path: Path, bom: dict[str, Any]) -> None:
    path.write_text(json.dumps(bom, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_lock(lock: str) -> Iterator[LockedPackage]:
    package: LockedPackage | None = None
    for line in lock.splitlines():
        if entry := ENTRY_PATTERN.match(line):
            if package is not None:
                yield package
            package = LockedPackage(entry[1], entry[2])
        if package is not None:
            package.hashes += HASH_PATTERN.findall(line)
    if package is not None:
        yield package


def describe_package(package: LockedPackage) -> dict[str, Any]:
    """Return the component. Each hash is of one wheel, so each has a reference of its own."""
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/simple/{normalize_name(package.name)}/",
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for digest in package.hashes
        ],
    }
    if licenses := find_licenses(package.name):
        component["licenses"] = licenses
    return component


def find_licenses(name: str) -> list[dict[str, Any]]:
    """Return what the installed package says of its license; nothing if it is not installed."""
    installed = find_installed(name)
    if installed is None:
        return []
    metadata = installed.metadata
    if expressions := metadata.get_all("License-Expression"):
        return [{"expression": expressions[0]}]
    text = str((metadata.get_all("License") or [""])[0]).strip()
    if text and len(text) <= MAX_LICENSE_LENGTH and "\n" not in text:
        return [{"license": {"name": text}}]
    names = [
        value.rpartition(" :: ")[2]
        for value in metadata.get_all("Classifier") or ()
        if value.startswith("License :: ")
    ]
    return [{"license": {"name": each}} for each in names]


def list_dependencies(name: str, refs: dict[str, str]) -> list[str]:
    """Return the references of the locked packages that this one needs, extras left out."""
    installed = find_installed(name)
    requirements = installed.requires or [] if installed else []
    needed = set()
    for requirement in requirements:
        found = REQUIREMENT_PATTERN.match(requirement)
        if found and "extra ==" not in requirement:
            needed.add(refs.get(normalize_name(found[0]), ""))
    return sorted(needed - {""})


def find_installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:  # of another system or Python
        return None


def normalize_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
