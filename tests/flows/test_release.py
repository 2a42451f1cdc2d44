"""A release: the same bytes twice, a bill of materials, a signature; the wheel runs by itself."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from local import release
from local.distributions import build_distributions, export_commit
from local.sbom import read_lock
from tests.flows.empty_environments import create_environment, run_program

ROOT = Path(__file__).parents[2]
VERSION = "9.8.7"
IDENTITY = ("-c", "user.name=releaser", "-c", "user.email=releaser@example.org")
DEMO_TIMEOUT = 240  # seconds, on a busy machine


def run_git(folder, *arguments):
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def create_key(path):
    run_program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "releaser", "-f", path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if not shutil.which("ssh-keygen"):
        reason = "ssh-keygen is not installed (apt-get install openssh-client)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return tmp_path_factory.mktemp("release")


@pytest.fixture(scope="module")
def repository(folder):
    """A clone of this repository, prepared as the next release."""
    clone = folder / "clone"
    run_git(folder, "clone", "--quiet", "--shared", str(ROOT), str(clone))
    release.prepare_version(clone, VERSION, today="2026-11-30")
    run_git(clone, "commit", "--quiet", "--all", "--message", f"Release {VERSION}")
    run_git(clone, "tag", f"v{VERSION}")
    return clone


@pytest.fixture(scope="module")
def release_files(folder, repository):
    """The folder of a release, and the file that names its signer."""
    key = create_key(folder / "key")
    release.build_release(repository, folder / "dist", key=key)
    public_key = key.with_suffix(".pub").read_text()
    signers = folder / "signers.txt"
    signers.write_text(f"{release.SIGNER} {public_key}")
    return folder / "dist", signers


def test_a_release_has_all_its_files(release_files):
    target, _ = release_files
    assert {path.name for path in target.iterdir()} == {
        f"signalpost-{VERSION}-py3-none-any.whl",
        f"signalpost-{VERSION}.tar.gz",
        f"signalpost_client-{VERSION}-py3-none-any.whl",
        f"signalpost_client-{VERSION}.tar.gz",
        *("signalpost.cdx.json", "requirements.lock", "NOTES.md", "SHA256SUMS", "SHA256SUMS.sig"),
    }
    assert "For operators" in (target / "NOTES.md").read_text()


def test_whoever_has_the_commit_builds_the_same_bytes(release_files, repository, tmp_path):
    """The release itself was built twice; this is a third time, later, under another umask."""
    target, _ = release_files
    source = tmp_path / "elsewhere"
    export_commit(repository, "HEAD", source)
    previous = os.umask(0o077)
    try:
        epoch = int(run_git(repository, "log", "-1", "--format=%ct"))
        built = build_distributions(source, tmp_path / "built", epoch=epoch)
    finally:
        os.umask(previous)
    assert len(built) == 4
    assert {path.name: path.read_bytes() for path in built} == {
        path.name: (target / path.name).read_bytes() for path in built
    }


def test_builds_that_differ_are_no_release(repository, tmp_path, monkeypatch):
    """The control: the second source has one byte more."""

    def export_with_a_change(root, commit, target):
        export_commit(root, commit, target)
        if "second" in str(target):
            with (target / "app" / "monitor.py").open("a") as file:
                file.write("\n")

    monkeypatch.setattr(release, "export_commit", export_with_a_change)
    monkeypatch.setattr("local.distributions.PROJECTS", (".",))
    with pytest.raises(release.ReleaseFault, match=r"two builds differ in signalpost-9\.8\.7"):
        release.build_twice(repository, tmp_path / "dist", epoch=1_800_000_000)


def test_the_bill_of_materials_names_every_locked_package_with_its_hashes(release_files):
    target, _ = release_files
    bom = json.loads((target / "signalpost.cdx.json").read_text())
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.6")
    assert bom["metadata"]["component"]["version"] == VERSION
    listed = {
        (component["name"], component["version"]): {
            digest["content"]
            for reference in component["externalReferences"]
            for digest in reference["hashes"]
        }
        for component in bom["components"]
    }
    locked = list(read_lock((ROOT / "requirements.lock").read_text()))
    assert len(locked) > 50
    assert listed == {(each.name, each.version): set(each.hashes) for each in locked}
    assert all(listed.values())
    references = {component["bom-ref"] for component in bom["components"]}
    root, *others = bom["dependencies"]
    assert set(root["dependsOn"]) <= references
    assert "pkg:pypi/flask@" in " ".join(root["dependsOn"])
    assert {each["ref"] for each in others} == references
    without = [each["name"] for each in bom["components"] if "licenses" not in each]
    assert len(without) <= 2, without  # of another Python they are not installed, so not known


def test_a_release_is_verified_and_a_changed_one_is_not(release_files, folder, tmp_path):
    target, signers = release_files
    release.verify_release(target, signers)
    copy = shutil.copytree(target, tmp_path / "copy")
    wheel = copy / f"signalpost-{VERSION}-py3-none-any.whl"
    for change, undo in (
        (
            lambda: wheel.write_bytes(wheel.read_bytes() + b"x"),
            lambda: shutil.copy2(target / wheel.name, wheel),
        ),
        (wheel.unlink, lambda: shutil.copy2(target / wheel.name, wheel)),
        ((copy / "more.whl").touch, (copy / "more.whl").unlink),
    ):
        change()
        with pytest.raises(release.ReleaseFault, match=r"missing, changed or added: \S+\.whl$"):
            release.verify_release(copy, signers)
        undo()
    release.verify_release(copy, signers)
    sums = copy / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("0", "1", 1))
    with pytest.raises(release.ReleaseFault, match="is not signed by a key of"):
        release.verify_release(copy, signers)


def test_a_signature_of_somebody_else_is_refused(release_files, folder, tmp_path):
    target, _ = release_files
    other = create_key(tmp_path / "other").with_suffix(".pub").read_text()
    signers = tmp_path / "signers.txt"
    signers.write_text(f"{release.SIGNER} {other}")
    with pytest.raises(release.ReleaseFault, match="is not signed by a key of"):
        release.verify_release(target, signers)


@pytest.mark.parametrize(
    ("version", "reason"),
    [("0.0.1", "is not later than"), ("9.8.7", "is not later"), ("10", "MAJOR.MINOR.PATCH")],
)
def test_a_version_that_is_none_is_refused(repository, version, reason):
    with pytest.raises(release.ReleaseFault, match=re.escape(reason)):
        release.prepare_version(repository, version, today="2026-11-30")


def test_nothing_is_released_without_a_change_a_tag_or_a_clean_tree(repository):
    with pytest.raises(release.ReleaseFault, match=r"nothing under \[Unreleased\]"):
        release.prepare_version(repository, "10.0.0", today="2026-11-30")
    (repository / "left-over").touch()
    try:
        with pytest.raises(release.ReleaseFault, match="not committed"):
            release.check_commit(repository)
    finally:
        (repository / "left-over").unlink()
    run_git(repository, "tag", "--delete", f"v{VERSION}")
    try:
        with pytest.raises(release.ReleaseFault, match=f"HEAD has no tag v{VERSION}"):
            release.check_commit(repository)
    finally:
        run_git(repository, "tag", f"v{VERSION}")


def test_the_wheel_holds_what_runs_and_no_tests(release_files):
    target, _ = release_files
    with ZipFile(target / f"signalpost-{VERSION}-py3-none-any.whl") as archive:
        names = archive.namelist()
    folders = {name.partition("/")[0] for name in names}
    assert folders == {
        *("app", "core", "db", "local", "migrations", "platforms", "signalpost_client", "tasks"),
        f"signalpost-{VERSION}.dist-info",
    }
    assert {"app/templates/base.html", "app/static/style.css", "app/texts/fr.po"} <= set(names)


def test_the_demo_runs_from_the_wheel_alone(release_files, tmp_path):
    """As after `pipx install`: an environment of its own, started in a folder without our code."""
    target, _ = release_files
    wheel = target / f"signalpost-{VERSION}-py3-none-any.whl"
    python = create_environment(tmp_path / "environment", wheel)
    environment = {"PATH": f"{python.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    command = python.with_name("signalpost")
    options = {"cwd": tmp_path, "env": environment}
    assert VERSION in run_program(command, "--version", **options)
    program = "import app; print(app.__file__)"
    assert str(tmp_path) in run_program(python, "-c", program, **options)
    output = run_program(command, "demo", timeout=DEMO_TIMEOUT, **options)
    assert "PUBLISHED" in output
