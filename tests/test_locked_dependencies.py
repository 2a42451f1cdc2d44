"""What is installed is what was locked: exact versions with hashes, none known to be bad.

Part of `make check`, and without a network. New advisories need one: `uvx pip-audit
--require-hashes -r requirements.lock` asks for them, see SECURITY.md.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCKS = (
    *("requirements.lock", "requirements-dev.lock"),
    *("requirements-bench.lock", "requirements-deploy.lock"),
)
ENTRY_PATTERN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; .*?)? \\$")
HASH_PATTERN = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
BAD_RELEASES = tomllib.loads((ROOT / "tests" / "bad_releases.toml").read_text())


def normalize_name(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(lock):
    """Return names with versions, and the number of hashes of each."""
    versions, hashes, name = {}, {}, None
    for line in (ROOT / lock).read_text().splitlines():
        if entry := ENTRY_PATTERN.match(line):
            name = normalize_name(entry[1])
            versions[name] = entry[2]
            hashes[name] = 0
        elif HASH_PATTERN.match(line):
            hashes[name] += 1
        else:
            assert line.lstrip().startswith("#"), f"{lock}: {line}"
    return versions, hashes


def find_bad_releases(versions):
    return [
        f"{name} {versions[name]}: {advisory['id']}"
        for name, advisories in BAD_RELEASES.items()
        for advisory in advisories
        if name in versions and Version(versions[name]) in SpecifierSet(advisory["versions"])
    ]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_one_version_with_hashes(lock):
    versions, hashes = read_lock(lock)
    assert len(versions) > 15
    assert [name for name in versions if not hashes[name]] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_locked_release_is_known_to_be_bad(lock):
    assert find_bad_releases(read_lock(lock)[0]) == []


def test_a_bad_release_would_be_found():
    assert find_bad_releases({"requests": "2.32.3"}) == ["requests 2.32.3: CVE-2024-47081"]


def test_the_development_lock_holds_the_runtime_lock():
    runtime, development = (read_lock(lock)[0] for lock in LOCKS[:2])
    assert {name: development.get(name) for name in runtime} == runtime


def test_every_declared_dependency_is_locked_in_an_allowed_version():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    development, extras = read_lock("requirements-dev.lock")[0], declared["optional-dependencies"]
    for text in (*declared["dependencies"], *(each for extra in extras.values() for each in extra)):
        requirement = Requirement(text)
        version = development[normalize_name(requirement.name)]
        assert version in requirement.specifier, text


def test_the_client_needs_nothing_that_the_project_does_not_install():
    project, client = (
        tomllib.loads((ROOT / path).read_text())["project"]
        for path in ("pyproject.toml", "clients/python/pyproject.toml")
    )
    assert set(client["dependencies"]) <= set(project["dependencies"])
    assert client["requires-python"] == project["requires-python"]


def test_only_wheels_that_match_their_hashes_are_installed():
    """A source package runs code of its own when it is installed."""
    for path in ("dev.py", "deploy/Dockerfile"):
        text = (ROOT / path).read_text()
        assert "--require-hashes" in text
        assert "--only-binary=:all:" in text


def test_what_is_installed_fits_together():
    checked = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
