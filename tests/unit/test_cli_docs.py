"""docs/cli.md is what the commands say of themselves."""

from app.cli.command import EXIT_STATUSES
from local.cli_reference import REFERENCE_FILE, format_cell, render_reference


def test_the_page_of_commands_is_up_to_date():
    remedy = "write it anew: .venv/bin/python -m local.cli_reference"
    assert REFERENCE_FILE.read_text() == render_reference(), remedy


def test_the_page_explains_every_exit_status():
    for status, meaning in EXIT_STATUSES.items():
        row = f"| {status} | {format_cell(meaning)} |"
        assert row in REFERENCE_FILE.read_text()
