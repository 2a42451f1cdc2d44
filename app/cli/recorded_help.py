"""The help of every command, recorded, so that it is shown without loading the command.

What a command writes with click's formatter is kept as the list of these calls, which are made
again at the width of the terminal. `python -m local.cli_reference` records them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

RECORDS_FILE = Path(__file__).with_name("help_records.json")
HELP_OPTIONS = frozenset({"-h", "--help"})
FORMATTER_METHODS = (
    "write",
    "write_usage",
    "write_heading",
    "write_paragraph",
    "write_text",
    "write_dl",
    "indent",
    "dedent",
)

RECORDING_WIDTH = 1000
"""Characters: click shortens the purposes in a group's list to the width, and we wrap them."""

HelpCalls = Sequence[Sequence[Any]]
"""Calls of a formatter: for each the name of the method, then its arguments."""


class RecordingFormatter(click.HelpFormatter):
    """A formatter that keeps what it is asked to write."""

    def __init__(self) -> None:
        super().__init__(width=RECORDING_WIDTH)
        self.calls: list[list[Any]] = []
        for name in FORMATTER_METHODS:
            setattr(self, name, self._build_method(name))

    def _build_method(self, name: str) -> Callable[..., None]:
        original = getattr(super(), name)

        def record(*args: Any) -> None:
            self.calls.append([name, *args])
            if name in {"indent", "dedent"}:
                original()  # commands read the indentation

        return record


def record_help(command: click.Command, path: str) -> HelpCalls:
    """Record the help of a command. Shapes: `path` is what people type, `signalpost posts list`."""
    formatter = RecordingFormatter()
    command.format_help(build_context(command, path), formatter)
    return formatter.calls


def build_context(command: click.Command, path: str) -> click.Context:
    """Return the context of a command as its parents would have built it."""
    *parents, name = path.split()
    parent = click.Context(click.Group(), info_name=" ".join(parents)) if parents else None
    return click.Context(command, parent, info_name=name, help_option_names=["-h", "--help"])


def render_records(records: Mapping[str, HelpCalls]) -> str:
    """Return the text of the file: a line for each command, in the order of their names."""
    lines = [
        f"{json.dumps(path)}: {json.dumps(calls, ensure_ascii=False)}"
        for path, calls in sorted(records.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def find_recorded_help(program: str, arguments: Sequence[str]) -> HelpCalls | None:
    """Return the help that these arguments ask for; None if they ask for more, or it is unknown."""
    *words, last = arguments or [""]
    if last not in HELP_OPTIONS or not words or any(word.startswith("-") for word in words):
        return None
    records: dict[str, HelpCalls] = json.loads(RECORDS_FILE.read_text(encoding="utf-8"))
    return records.get(" ".join([program, *words]))


def format_recorded_help(calls: HelpCalls, formatter: click.HelpFormatter) -> str:
    """Make the recorded calls and return the text."""
    for name, *arguments in calls:
        if name == "write_dl":
            formatter.write_dl([(term, text) for term, text in arguments[0]])
        elif name in FORMATTER_METHODS:
            getattr(formatter, name)(*arguments)
    return formatter.getvalue().rstrip("\n")
