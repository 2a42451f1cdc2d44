"""Makes a release: `prepare` writes the version, `build` builds and signs, `verify` checks.

    python -m local.release prepare 0.2.0
    python -m local.release build --key ~/.ssh/release_ed25519
    python -m local.release verify dist --signers signers.txt

docs/releasing.md has the whole procedure.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from local.distributions import build_distributions, export_commit, read_commit_time
from local.sbom import build_bom, write_bom

ROOT = Path(__file__).resolve().parents[1]
VERSION_PATTERN = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
VERSION_LINE = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
PROJECT_FILES = ("pyproject.toml", "clients/python/pyproject.toml")
UNRELEASED = "## [Unreleased]\n"
LOCK_FILE = "requirements.lock"
BOM_FILE, SUMS_FILE, NOTES_FILE = "signalpost.cdx.json", "SHA256SUMS", "NOTES.md"
SIGNATURE_FILE = f"{SUMS_FILE}.sig"
SIGNATURE_NAMESPACE = "signalpost-release"
"""What `ssh-keygen` mixes into a signature: one for another purpose is worth nothing here."""

SIGNER = "releaser"  # the name before the public key in the file of signers


class ReleaseFault(Exception):
    """Something that keeps a release from being made or trusted, in words."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_arguments(arguments)
    try:
        if options.command == "prepare":
            prepare_version(ROOT, options.version, today=datetime.now(UTC).date().isoformat())
        elif options.command == "build":
            build_release(ROOT, options.target, key=options.key)
        else:
            verify_release(options.target, options.signers)
    except ReleaseFault as fault:
        print(f"not released: {fault}", file=sys.stderr)
        return 1
    return 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.release", description="Make a release.")
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="write the version and the changelog's heading")
    prepare.add_argument("version")
    build = commands.add_parser("build", help="build twice, compare, describe and sign")
    build.add_argument("--target", type=Path, default=ROOT / "dist")
    build.add_argument("--key", type=Path, required=True, help="private key of the releaser (SSH)")
    verify = commands.add_parser("verify", help="check the signature and every file")
    verify.add_argument("target", type=Path)
    verify.add_argument("--signers", type=Path, required=True, help=f"`{SIGNER} PUBLIC_KEY`")
    return parser.parse_args(arguments)


def prepare_version(root: Path, version: str, *, today: str) -> None:
    """Write the version into both projects, and its heading into the changelog.

    Errors: ReleaseFault if it is no later version, or if nothing is listed as unreleased.
    """
    present = read_version(root)
    if not VERSION_PATTERN.fullmatch(version):
        raise ReleaseFault("a version is MAJOR.MINOR.PATCH")
    if split_version(version) <= split_version(present):
        raise ReleaseFault(f"{version} is not later than {present}")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not read_notes(changelog, UNRELEASED).strip():
        raise ReleaseFault("CHANGELOG.md lists nothing under [Unreleased]")
    heading = f"{UNRELEASED}\n## [{version}] - {today}\n"
    (root / "CHANGELOG.md").write_text(changelog.replace(UNRELEASED, heading, 1), encoding="utf-8")
    for name in PROJECT_FILES:
        text = (root / name).read_text(encoding="utf-8")
        (root / name).write_text(
            VERSION_LINE.sub(f'version = "{version}"', text, count=1), encoding="utf-8"
        )
    print(f"{present} -> {version}: commit it, tag it v{version}, then build")


def build_release(root: Path, target: Path, *, key: Path) -> None:
    """Build the files of HEAD twice, compare them, and write them with bill, sums and signature.

    Errors: ReleaseFault if the tree has changes, HEAD has no tag of its version, its changelog no
    section, or the builds differ.
    """
    version = check_commit(root)
    epoch = read_commit_time(root, "HEAD")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = read_notes(changelog, f"## [{version}]")
    if not notes.strip():
        raise ReleaseFault(f"CHANGELOG.md has no section [{version}]")
    if target.exists() and any(target.iterdir()):
        raise ReleaseFault(f"{target} is not empty")
    build_twice(root, target, epoch=epoch)
    lock = (root / LOCK_FILE).read_text(encoding="utf-8")
    bom = build_bom(lock, name="signalpost", version=version, epoch=epoch)
    write_bom(target / BOM_FILE, bom)
    (target / NOTES_FILE).write_text(notes.strip() + "\n", encoding="utf-8")
    (target / LOCK_FILE).write_text(lock, encoding="utf-8")
    write_sums(target)
    sign_file(target / SUMS_FILE, key)
    print(f"signalpost {version} is in {target}")


def check_commit(root: Path) -> str:
    """Return the version of HEAD. Errors: ReleaseFault."""
    if read_git(root, "status", "--porcelain"):
        raise ReleaseFault("the tree has changes that are not committed")
    version = read_version(root)
    if f"v{version}" not in read_git(root, "tag", "--points-at", "HEAD").split():
        raise ReleaseFault(f"HEAD has no tag v{version}")
    return version


def build_twice(root: Path, target: Path, *, epoch: int) -> None:
    """Build in two folders of different names, and keep what is equal in both.

    Errors: ReleaseFault, naming the files that differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        contents = []
        for name in ("first", "a-second-folder"):
            source, built = Path(folder, name, "source"), Path(folder, name, "built")
            export_commit(root, "HEAD", source)
            paths = build_distributions(source, built, epoch=epoch)
            contents.append({path.name: path.read_bytes() for path in paths})
    first, second = contents
    differing = [name for name in first | second if first.get(name) != second.get(name)]
    if differing:
        raise ReleaseFault(f"two builds differ in {', '.join(sorted(differing))}")
    target.mkdir(parents=True, exist_ok=True)
    for name, content in first.items():
        (target / name).write_bytes(content)


def write_sums(target: Path) -> None:
    """Write the SHA-256 of every file, in the form of sha256sum."""
    names = sorted(path.name for path in target.iterdir() if path.name != SUMS_FILE)
    lines = [f"{hash_file(target / name)}  {name}\n" for name in names]
    (target / SUMS_FILE).write_text("".join(lines), encoding="utf-8")


def sign_file(path: Path, key: Path) -> None:
    """Write the signature beside the file. The key may be encrypted, or in an agent."""
    command = ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", SIGNATURE_NAMESPACE, str(path)]
    signed = subprocess.run(command, check=False, capture_output=True, text=True)
    if signed.returncode:
        raise ReleaseFault(f"ssh-keygen did not sign: {signed.stderr.strip()}")


def verify_release(target: Path, signers: Path) -> None:
    """Check the signature of the sums, and that every file is there and as it was.

    Errors: ReleaseFault.
    """
    sums = (target / SUMS_FILE).read_bytes()
    command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", SIGNER]
    command += ["-n", SIGNATURE_NAMESPACE, "-s", str(target / SIGNATURE_FILE)]
    if subprocess.run(command, input=sums, check=False, capture_output=True).returncode:
        raise ReleaseFault(f"{SUMS_FILE} is not signed by a key of {signers}")
    expected = {line[66:]: line[:64] for line in sums.decode().splitlines()}
    present = {path.name for path in target.iterdir()} - {SUMS_FILE, SIGNATURE_FILE}
    wrong = [
        name
        for name in expected.keys() | present
        if name not in present or hash_file(target / name) != expected.get(name)
    ]
    if wrong:
        raise ReleaseFault(f"missing, changed or added: {', '.join(sorted(wrong))}")
    print(f"{len(expected)} files are as they were signed")


def read_version(root: Path) -> str:
    """Return the version of both projects. Errors: ReleaseFault if they differ."""
    versions = {
        tomllib.loads((root / name).read_text(encoding="utf-8"))["project"]["version"]
        for name in PROJECT_FILES
    }
    if len(versions) != 1:
        raise ReleaseFault(f"the projects have different versions: {', '.join(sorted(versions))}")
    return str(versions.pop())


def split_version(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def read_notes(changelog: str, heading: str) -> str:
    """Return the section of the changelog below the line that begins so; nothing without it."""
    _, found, rest = changelog.partition(f"\n{heading}")
    section = rest.partition("\n## ")[0]
    return section.partition("\n")[2] if found and not heading.endswith("\n") else section


def hash_file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_git(root: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
