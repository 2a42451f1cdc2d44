"""The commands of docs/sandbox.md and docs/sandbox-instagram.md, run in a shell as they stand."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import list_command_blocks
from tests.flows.child_processes import start_process

ADDRESS = "http://127.0.0.1:8100"
NAMES_NO_POST = "PUBLISH_ID"  # to be filled in: the sandbox says that there is no such post
NOBODY_CONSENTED = "has consented"  # nor has anybody signed in: the page says so
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT),
}


def list_blocks(page):
    return [block.text for block in list_command_blocks() if block.path == page and block.is_run]


@pytest.fixture
def start_documented_sandbox(tmp_path):
    """Starts a sandbox with the command of a page, on a free port; returns its URL."""
    started = []

    def start(page):
        command, *_ = list_blocks(page)
        process = start_process(
            ["bash", "-ec", command.replace("--port 8100", "--port 0")],
            env=ENVIRONMENT,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return json.loads(process.stdout.readline())["url"]

    yield start
    for process in started:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.mark.parametrize("page", ["docs/sandbox.md", "docs/sandbox-instagram.md"])
def test_the_sandbox_starts_and_takes_every_call_of_its_page(page, start_documented_sandbox):
    url = start_documented_sandbox(page)
    _, *blocks = list_blocks(page)
    lines = [line for block in blocks for line in block.replace(ADDRESS, url).splitlines()]
    (variable,) = [line for line in lines if line.startswith("S=")]
    calls = [line for line in lines if line.startswith("curl ")]
    assert len(calls) > 5
    for call in calls:
        completed = subprocess.run(
            ["bash", "-ec", f"{variable}\n{call}"],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        (fault,) = re.findall(r'"error": ?"([^"]*)', completed.stdout) or [""]
        is_expected = not fault or NAMES_NO_POST in call or fault.endswith(NOBODY_CONSENTED)
        assert is_expected, (call, completed.stdout)
