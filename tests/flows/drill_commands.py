"""Runs the commands of staged incidents in a process that runs nothing else."""

import os
import shlex
import subprocess
from pathlib import Path

from click.testing import CliRunner

from chaos import drills
from tests.app.cli_runner import in_process_cli

OUR_PROGRAM, DRILL_PROGRAM = ("signalpost",), ("python", "-m", "chaos.drills")


def run_command(environ: dict[str, str], folder: Path, line: str) -> str:
    """Run a line with these settings and return what it prints; starting Python for each of ours
    would take longer than most of them.
    """
    words = shlex.split(line, comments=True)
    if tuple(words[:1]) == OUR_PROGRAM:
        answer = in_process_cli(environ, folder)(*words[1:])
        return str(answer.stdout + answer.stderr)
    if tuple(words[:3]) == DRILL_PROGRAM:
        os.environ.update(environ)
        result = CliRunner().invoke(drills.main, words[3:], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output
    shell = subprocess.run(
        ["bash", "-ec", line],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return shell.stdout + shell.stderr
