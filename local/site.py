"""Builds the documentation site into build/site, without a network: `python -m local.site`.

The Markdown files are copied as they lie in the repository, so that their links work here, in a
browser of the repository and on the site. The builder fails on a link to a page that is missing.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SITE_FOLDER = ROOT / "build" / "site"
CONFIGURATION = Path("docs/zensical.toml")
SOURCES = (
    "*.md",
    "clients/python/README.md",
    "docs/**/*.md",
    "docs/**/*.svg",
    "docs/screens/*",
    "docs/security/*.toml",
)
FOREIGN_CODE = re.compile(r"https://(?:unpkg\.com|cdn\.jsdelivr\.net)/[\w@./-]*")
"""What the theme loads for diagrams and Python in the browser. We have neither: it is taken out."""


def build_site(folder: Path = SITE_FOLDER) -> Path:
    """Return the folder of the finished site. Errors: SystemExit, with the builder's warnings."""
    with tempfile.TemporaryDirectory(prefix="signalpost-site-") as name:
        build_folder = Path(name)
        copy_sources(build_folder / "source")
        shutil.copy(ROOT / CONFIGURATION, build_folder / CONFIGURATION.name)
        command = [str(Path(sys.executable).with_name("zensical")), "build", "--strict", "--clean"]
        completed = subprocess.run(
            command, cwd=build_folder, check=False, capture_output=True, text=True
        )
        if completed.returncode:
            raise SystemExit(completed.stdout + completed.stderr)
        remove_foreign_code(build_folder / "site")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(build_folder / "site", folder)
    return folder


def copy_sources(target: Path) -> None:
    for pattern in SOURCES:
        for file in ROOT.glob(pattern):
            copy = target / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)


def remove_foreign_code(site: Path) -> None:
    for script in site.glob("assets/javascripts/*.js"):
        text = script.read_text(encoding="utf-8")
        script.write_text(FOREIGN_CODE.sub("", text), encoding="utf-8")


if __name__ == "__main__":
    print(build_site().relative_to(ROOT) / "index.html")
