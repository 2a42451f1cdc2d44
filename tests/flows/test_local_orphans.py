"""A run of tests that is killed leaves no house behind: each hears of its opener's end."""

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
signal.signal(signal.SIGTERM, lambda *_: sys.exit(open("told", "w").close()))
print(os.getpid(), flush=True)
signal.pause()
"""
"""Stands for one: it writes down that it was told to stop."""


def test_a_stack_is_stopped_when_the_process_that_started_it_is_killed(tmp_path):
    opener = subprocess.Popen(
        [sys.executable, "-c", START_STACK_SCRIPT, tmp_path, STACK_STAND_IN_SCRIPT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    with opener:
        stack = psutil.Process(int(opener.stdout.readline()))
        opener.kill()
    wait_until((tmp_path / "told").exists, what="the word to stop")
    wait_until(lambda: has_exited(stack), what="its end")
