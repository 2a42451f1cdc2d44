"""Staged incidents: docs/operate/incidents.md is followed word for word, by its commands alone."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos import drills
from tests.documents import ROOT, read_command_blocks
from tests.flows.brokers import WAIT_TIMEOUT
from tests.flows.drill_commands import run_command

PAGE = "docs/operate/incidents.md"
BLOCKS = [block.text for block in read_command_blocks(PAGE, (ROOT / PAGE).read_text())]
DRILL_COMMAND = "python -m chaos.drills "
LINES = {text.split()[3]: text.splitlines() for text in BLOCKS if text.startswith(DRILL_COMMAND)}
READING = re.compile(r"\b(list|pauses|doctor)\b")


@pytest.fixture(scope="module")
def child():
    """A process for the commands: Celery reads the broker's address once in the life of one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.fixture
def run_line(stack, child, tmp_path):
    """Runs a command of the page with the settings of the shared stack."""
    generated = json.loads((stack.folder / "data" / "settings.json").read_text())
    media = tmp_path / "media"
    media.mkdir()
    environ = {
        **{name: generated[name] for name in ("SECRET_KEY", "TOKEN_ENCRYPTION_KEY")},
        "DATABASE_URL": stack.info["database"],
        "BROKER_URL": stack.info["broker"],
        "MEDIA_URL": media.as_uri(),
    }

    def run(line):
        program, *words = shlex.split(line, comments=True)
        return child.submit(run_command, environ, tmp_path, program, words).result()

    yield run
    run("python -m chaos.drills lost-primary --end")  # the stack is used by others
    stack.query("DELETE FROM pauses")


def read_expectations(line):
    """Pairs of a text and whether the output has it."""
    _, arrow, words = line.partition("# → ")
    for word in words.split(", ") if arrow else ():
        yield word.removeprefix("no "), not word.startswith("no ")


def test_the_page_finds_the_settings_of_a_stack(tmp_path):
    (command,) = [text for text in BLOCKS if text.startswith("eval ")]
    secrets = {"SECRET_KEY": "a b", "TOKEN_ENCRYPTION_KEY": "c", "WORKER_SECRET": "d"}
    (tmp_path / ".signalpost").mkdir()
    (tmp_path / ".signalpost" / "settings.json").write_text(json.dumps(secrets))
    (tmp_path / "stack.json").write_text(json.dumps({"database": "db", "broker": "mq", "web": "w"}))
    printed = subprocess.run(
        ["bash", "-ec", f'{command}\necho "$SECRET_KEY|$DATABASE_URL|$BROKER_URL|$MEDIA_URL"'],
        env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == f"a b|db|mq|file://{tmp_path}/.signalpost/media\n"


def test_the_page_has_every_drill():
    assert [*LINES] == [*drills.DRILLS]


def meets_expectations(output, line):
    return all((text in output) == is_there for text, is_there in read_expectations(line))


def follow_line(run_line, line):
    """Run a line; one that only reads is repeated until it prints what the page says."""
    output = run_line(line)
    if READING.search(line):
        deadline = time.monotonic() + WAIT_TIMEOUT
        while not meets_expectations(output, line) and time.monotonic() < deadline:
            output = run_line(line)
    assert meets_expectations(output, line), (line, output)


@pytest.mark.parametrize("name", drills.DRILLS)
def test_a_staged_incident_is_found_repaired_and_over(run_line, name):
    for line in LINES[name]:
        follow_line(run_line, line)


def test_a_drill_refuses_production(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT", "production")
    result = CliRunner().invoke(drills.main, ["stopped-queue"])
    assert result.exit_code == 1
    assert "never in production" in result.output
