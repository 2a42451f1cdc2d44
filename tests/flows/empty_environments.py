"""Environments in which nothing of ours is installed but a wheel, and what that wheel declares."""

import re
import shutil
import subprocess
import sys
from email import message_from_bytes
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

TIMEOUT = 60  # seconds for one program
PIP_COMMAND = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")


def run_program(*command, timeout=TIMEOUT, **options):
    completed = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def create_environment(folder, wheel):
    """Return Python of a new environment with the wheel and the packages that it declares.

    The packages are those installed here, linked: the test has no index to install them from.
    """
    run_program(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    command = (*PIP_COMMAND, "--python", python, "install", "--no-deps", "--no-index")
    run_program(*command, wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    for name in list_dependencies(read_metadata(wheel).get_all("Requires-Dist")):
        link_package(name, packages)
    return python


def read_metadata(wheel):
    with ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


def list_dependencies(requirements, known=frozenset()):
    """The declared packages and what these need, with the extras that are named."""
    names = set(known)
    for requirement in requirements or ():
        if "extra ==" in requirement:
            continue
        name = re.match(r"[\w.-]+", requirement)[0]
        extras = re.findall(r"[\w-]+", (re.match(r"[\w.-]+\[([^]]*)\]", requirement) or "  ")[1])
        if name.lower() in names and not extras:
            continue
        needed = find_requirements(name, extras)
        if needed is not None:
            names |= list_dependencies(needed, names | {name.lower()})
    return names


def find_requirements(name, extras):
    """What a package needs; None if it is not installed, as it is for another system or Python."""
    try:
        requirements = distribution(name).requires or []
    except PackageNotFoundError:
        return None
    wanted = re.compile(f"extra == ['\"]({'|'.join(map(re.escape, extras)) or ' '})['\"]")
    return [wanted.sub("", each) for each in requirements]


def link_package(name, packages):
    for top in {Path(each).parts[0] for each in distribution(name).files} - {"..", "__pycache__"}:
        source, target = Path(distribution(name).locate_file(top)), packages / top
        if not target.exists():
            if source.is_dir():
                target.symlink_to(source)
            else:
                shutil.copy(source, target)
