"""A killed test run leaves no stack behind: a stack is stopped when its parent process dies."""

import subprocess
import sys

import psutil

from tests.flows.brokers import wait_until
from tests.flows.stacks import ROOT, has_exited

START_STACK_SCRIPT = """
import sys
from pathlib import Path
from tests.flows.stacks import start_stack
stack = start_stack(Path(sys.argv[1]), (sys.executable, "-c", sys.argv[2]))
print(stack.stdout.readline().decode().strip(), flush=True)
stack.wait()
"""
STACK_STAND_IN_SCRIPT = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(open("stopped", "w").close()))
print(os.getpid(), flush=True)
signal.pause()
"""
"""Runs in place of a stack: creates a file when it gets SIGTERM."""


def test_a_stack_is_stopped_when_the_process_that_started_it_is_killed(tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", START_STACK_SCRIPT, tmp_path, STACK_STAND_IN_SCRIPT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with parent:
        stack = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    wait_until((tmp_path / "stopped").exists, what="SIGTERM")
    wait_until(lambda: has_exited(stack), what="the end of the stack")
