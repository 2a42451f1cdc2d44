"""What the documents contain: pages, fenced commands, links; and what the built site loads."""

import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import click

ROOT = Path(__file__).parents[1]
GENERATED_EXAMPLES = (
    "docs/cli.md"  # written from the commands; tests/app/test_cli_json.py runs them
)
FENCE = re.compile(
    r"(?P<before>[^\n]*)\n+^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
COMMAND_LANGUAGES = {"sh", "console", "bash"}
COMMAND_START = re.compile(r"(?:signalpost|make|python3?|curl|docker|pip|export|\.venv/)\b")
MARK = re.compile(r"<!-- (run|not run): (.+) -->")
INLINE_COMMAND = re.compile(r"`(signalpost [^`\n]+)`")
EARLIER_NAMES = re.compile(r"signalpost (user|key|webhooks (replay|discard))\b")
"""Names of commands from before, which still work: docs/cli.md."""
FOREIGN_CODE = re.compile(r"unpkg\.com|jsdelivr|cdnjs|googleapis|gstatic")


class CommandBlock(NamedTuple):
    """A fenced block of commands, and what the comment before it says of its test."""

    path: str
    text: str
    is_run: bool
    mark: str

    @property
    def name(self) -> str:
        return f"{self.path}: {self.text.splitlines()[0]}"


def list_documents() -> list[Path]:
    """All documents but the decisions, which tell of their time."""
    found = [*ROOT.glob("*.md"), ROOT / "clients/python/README.md", *ROOT.glob("docs/**/*.md")]
    return sorted(path for path in found if path.parent.name != "decisions")


def list_command_blocks() -> Iterator[CommandBlock]:
    for path in list_documents():
        name = path.relative_to(ROOT).as_posix()
        if name != GENERATED_EXAMPLES:
            yield from read_command_blocks(name, path.read_text(encoding="utf-8"))


def read_command_blocks(name: str, text: str) -> Iterator[CommandBlock]:
    for match in FENCE.finditer(text):
        is_untagged = not match["language"] and COMMAND_START.match(match["text"].strip())
        if match["language"] in COMMAND_LANGUAGES or is_untagged:
            mark = MARK.fullmatch(match["before"].strip())
            kind, reason = mark.groups() if mark else ("", "")
            yield CommandBlock(name, match["text"], kind == "run", reason)


def list_own_commands() -> Iterator[tuple[str, str]]:
    """Pairs of a document and a command of ours in it, inline or in a block."""
    for path in list_documents():
        text = path.read_text(encoding="utf-8")
        lines = [line for match in FENCE.finditer(text) for line in match["text"].splitlines()]
        commands = [line for line in lines if line.startswith("signalpost ")]
        for command in [*commands, *INLINE_COMMAND.findall(text)]:
            if not EARLIER_NAMES.match(command):
                yield path.relative_to(ROOT).as_posix(), command


def find_command_fault(group: click.Group, command: str) -> str | None:
    """Name a word of the command that is no command or option of ours."""
    words = shlex.split(re.sub(r"\s#.*|…", "", command).replace("|", " "))[1:]
    current: click.Command = group
    for word in words:
        if word.startswith("--"):
            names = {name for each in current.params for name in (*each.opts, *each.secondary_opts)}
            if word.partition("=")[0] not in {*names, "--help", "--version"}:
                return word
        elif isinstance(current, click.Group) and not word.startswith(("<", "-")):
            if word not in current.commands:
                return word if word.islower() and word.replace("-", "").isalpha() else None
            current = current.commands[word]
    return None


class LinkReader(HTMLParser):
    """Collects the ids of a page, its links, and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in {"img", "script", "source", "iframe"} and "src" in values:
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") != "canonical":
            self.loaded.append(values.get("href", ""))


def read_site(site: Path) -> dict[Path, LinkReader]:
    pages = {}
    for path in sorted(site.glob("**/*.html")):
        reader = LinkReader()
        reader.feed(path.read_text(encoding="utf-8"))
        pages[path] = reader
    return pages


def find_broken_links(pages: dict[Path, LinkReader]) -> Iterator[str]:
    """Links to a page, a file or a fragment that is not on the site."""
    for path, page in pages.items():
        for link in [*page.links, *page.loaded]:
            address, _, fragment = link.partition("#")
            if re.match(r"[a-z]+:|//", link) or path.name == "404.html":
                continue
            target = (path.parent / address.partition("?")[0]).resolve() if address else path
            if target.is_dir():
                target /= "index.html"
            ids = pages[target].ids if target in pages else {fragment}
            if not target.is_file() or (fragment and fragment not in ids):
                yield f"{path.name}: {link}"
