"""docs/cli.md is what the commands say of themselves."""

from app.cli.command import EXIT_STATUSES
from local.cli_reference import REFERENCE_FILE, render_reference


def test_the_page_of_commands_is_up_to_date():
    remedy = "write it anew: .venv/bin/python -m local.cli_reference"
    assert REFERENCE_FILE.read_text() == render_reference(), remedy


def test_the_page_explains_every_exit_status():
    for status, meaning in EXIT_STATUSES.items():
        assert f"| {status} | {meaning} |" in REFERENCE_FILE.read_text()
