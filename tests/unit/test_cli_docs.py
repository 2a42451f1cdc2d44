"""docs/cli.md and the recorded help are what the commands say of themselves."""

import subprocess
import sys

import click
import pytest

from app.cli.command import EXIT_STATUSES
from app.cli.recorded_help import (
    RECORDS_FILE,
    build_context,
    find_recorded_help,
    format_recorded_help,
)
from local.cli_reference import (
    PROGRAM,
    REFERENCE_FILE,
    format_cell,
    render_help_records,
    render_reference,
    walk_commands,
)
from local.commands import cli

REMEDY = "write it anew: .venv/bin/python -m local.cli_reference"


def test_the_page_of_commands_is_up_to_date():
    assert REFERENCE_FILE.read_text() == render_reference(), REMEDY


def test_the_recorded_help_is_up_to_date():
    assert RECORDS_FILE.read_text() == render_help_records(), REMEDY


@pytest.mark.parametrize("width", [50, 80, 200])
def test_the_recorded_help_is_that_of_the_command_at_every_width(width):
    """Narrow lists of a group's commands differ: click shortens the purposes there."""
    for path, command in walk_commands(cli, PROGRAM):
        if isinstance(command, click.Group) and width < 200:
            continue
        formatter = click.HelpFormatter(width=width)
        command.format_help(build_context(command, path), formatter)
        calls = find_recorded_help(PROGRAM, [*path.split()[1:], "--help"])
        recorded = format_recorded_help(calls, click.HelpFormatter(width=width))
        assert recorded == formatter.getvalue().rstrip("\n"), path


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["posts"], ["posts", "list", "--json", "-h"], ["user", "--help"], ["x", "-h"]],
)
def test_what_asks_for_more_than_the_help_of_a_command_is_not_answered_from_the_records(arguments):
    assert find_recorded_help(PROGRAM, arguments) is None


def test_help_loads_no_command():
    script = (
        "import sys; from local.cli import main\n"
        "try: main()\n"
        "finally: assert not {'sqlalchemy', 'flask', 'pydantic'} & set(sys.modules)"
    )
    for words in (["keygen", "--help"], ["posts", "list", "-h"]):
        answer = subprocess.run(
            [sys.executable, "-c", script, *words], check=False, capture_output=True, text=True
        )
        assert answer.stdout.startswith(f"Usage: signalpost {' '.join(words[:-1])}"), answer.stderr
        assert (answer.returncode, answer.stderr) == (0, "")


def test_the_page_explains_every_exit_status():
    for status, meaning in EXIT_STATUSES.items():
        row = f"| {status} | {format_cell(meaning)} |"
        assert row in REFERENCE_FILE.read_text()
