"""Writes docs/cli.md and the recorded help from the commands themselves: `python -m
local.cli_reference`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli.command import EXIT_STATUSES, FAILURE_STATUS, CommandGroup, HelpWithExamples
from app.cli.recorded_help import RECORDS_FILE, build_context, record_help, render_records
from local.commands import cli

REFERENCE_FILE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
PROGRAM = "signalpost"
INTRODUCTION = """\
# The command line

All commands of `signalpost`, in the order of their names. This page is written from the commands by `python -m local.cli_reference`, and a test compares both. `signalpost COMMAND --help` has the same at the terminal.

Commands act on the installation that the settings name ([settings.md](settings.md)), for any user; each change is in the audit log, with `cli` as its actor. `signalpost upload` talks to a running server instead, with an API key (`SIGNALPOST_URL`, `SIGNALPOST_API_KEY`).

## Exit status

| Status | Meaning |
|---|---|
{statuses}

A command that runs until it is stopped (`up`, `monitor`, `webhooks`, `insights`, `tokens refresh`, `alerts check`) ends with 0 after SIGTERM or Ctrl-C, its usual end, and with 1 if one of its runs had a fault. A command for several ids acts on all that it can, prints a line for each, and ends with 1 if one was refused.

## Output

Results go to stdout, errors and progress to stderr. Progress is drawn at a terminal only, never into a pipe or a file; `NO_COLOR` switches the colours off. What asks before it destroys, asks on stderr; without a terminal it refuses unless `--yes` is given.

An error is `CODE: what and why`, with a second line `What to do: …` where there is advice. The codes are those of the API (`/docs/errors`), and:

| Code | Meaning |
|---|---|
| `USAGE` | wrong usage of the command line; status 2 |
| `NOT_CONFIRMED` | a destructive command was not confirmed |
| `FILE_ERROR` | a file or folder cannot be read or written |
| `FAILED` | `up` or `demo` could not do it |
| `INTERNAL_ERROR` | a fault of signalpost; stderr has its traceback |

With `--json`, stdout has JSON and nothing else: one line per result, an object with `ok` and the fields named below. A list is one result with `items`. Fields may be added. An error is the last line, `{{"ok": false, "error": {{"code", "message", "advice"}}}}`, and stands on stderr in words as well. `signalpost up --json` is an exception: its only line is printed when everything answers, and has no `ok`, unless it is an error.

## Names of before

`signalpost user …` is `users`, `signalpost key …` is `keys`, `signalpost webhooks replay` and `discard` are `events replay` and `discard`. The older names still work.

## Completion

```sh
eval "$(signalpost completion bash)"     # in ~/.bashrc
eval "$(signalpost completion zsh)"      # in ~/.zshrc, after compinit
signalpost completion fish > ~/.config/fish/completions/signalpost.fish
```
"""  # noqa: E501 - a paragraph is one line in our documents


def render_reference() -> str:
    """Return the whole document."""
    statuses = "\n".join(
        f"| {status} | {format_cell(text)} |" for status, text in EXIT_STATUSES.items()
    )
    sections = [INTRODUCTION.format(statuses=statuses), "## Commands\n"]
    sections += ["\n".join(describe_command(*each)) for each in walk_commands(cli, PROGRAM)]
    return "\n".join(sections)


def render_help_records() -> str:
    """Return the file with the help of every command."""
    return render_records(
        {path: record_help(each, path) for path, each in walk_commands(cli, PROGRAM)}
    )


def walk_commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield all commands below this one with what people type, in the order of their names."""
    if path != PROGRAM:
        yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from walk_commands(command.commands[name], f"{path} {name}")


def describe_command(path: str, command: click.Command) -> Iterator[str]:
    """Yield the lines of one section."""
    context = build_context(command, path)
    yield f"{'###' if path.count(' ') == 1 else '####'} {path.removeprefix(f'{PROGRAM} ')}\n"
    yield format_paragraphs(command.help or "") + "\n"
    if isinstance(command, CommandGroup) and not command.examples:
        return
    yield f"```sh\n{' '.join([path, *command.collect_usage_pieces(context)])}\n```\n"
    options = [parameter.get_help_record(context) for parameter in command.params]
    rows = [
        f"| `{format_cell(record[0])}` | {format_cell(record[1])} |"
        for record in options
        if record and record[1]
    ]
    if rows:
        yield "| Option | Meaning |\n|---|---|\n" + "\n".join(rows) + "\n"
    if isinstance(command, HelpWithExamples):
        yield from describe_ending(command)


def describe_ending(command: HelpWithExamples) -> Iterator[str]:
    yield "Examples:\n\n```sh\n" + "\n".join(command.examples) + "\n```\n"
    if command.failure != EXIT_STATUSES[FAILURE_STATUS]:
        yield f"Exit status 1: {command.failure}.\n"
    if command.item_fields:
        beside = f"; beside them {format_names(command.fields)}" if command.fields else ""
        yield f"JSON: `items`, each with {format_names(command.item_fields)}{beside}.\n"
    elif command.fields:
        yield f"JSON: {format_names(command.fields)}.\n"


def format_names(names: tuple[str, ...]) -> str:
    """Return the names of fields; those that may be absent are marked."""
    marked = [f"`{name.rstrip('?')}`{' (if any)' if name.endswith('?') else ''}" for name in names]
    return ", ".join(marked)


def format_paragraphs(text: str) -> str:
    """Join the lines of each paragraph; a block that click keeps as it is becomes code."""
    paragraphs = re.split(r"\n\n+", text.strip())
    return "\n\n".join(
        f"```sh\n{paragraph[2:]}\n```"
        if paragraph.startswith("\b")
        else " ".join(paragraph.split())
        for paragraph in paragraphs
    )


def format_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    REFERENCE_FILE.write_text(render_reference())
    RECORDS_FILE.write_text(render_help_records(), encoding="utf-8")
