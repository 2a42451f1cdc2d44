"""Runs the commands of staged incidents in a process that runs nothing else."""

import os
from pathlib import Path

from click.testing import CliRunner

from chaos import drills
from tests.app.cli_runner import in_process_cli


def run_command(environ: dict[str, str], folder: Path, program: str, words: list[str]) -> str:
    """Run `signalpost …` or a drill with these settings; return what it prints."""
    if program == "signalpost":
        answer = in_process_cli(environ, folder)(*words)
        return str(answer.stdout + answer.stderr)
    os.environ.update(environ)
    result = CliRunner().invoke(drills.main, words[2:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
