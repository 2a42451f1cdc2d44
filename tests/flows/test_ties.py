"""A run of tests that is killed leaves no house behind: each hears of its opener's end."""

import subprocess
import sys

import psutil

from tests.flows.brokers import until
from tests.flows.houses import ROOT, dead

OPENER = """
import sys
from pathlib import Path
from tests.flows.houses import opened
house = opened(Path(sys.argv[1]), (sys.executable, "-c", sys.argv[2]))
print(house.stdout.readline().decode().strip(), flush=True)
house.wait()
"""
A_HOUSE = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(open("told", "w").close()))
print(os.getpid(), flush=True)
signal.pause()
"""
"""Stands for one: it writes down that it was told to stop."""


def test_a_house_is_told_to_stop_when_its_opener_is_killed(tmp_path):
    opener = subprocess.Popen(
        [sys.executable, "-c", OPENER, tmp_path, A_HOUSE], cwd=ROOT, stdout=subprocess.PIPE
    )
    with opener:
        house = psutil.Process(int(opener.stdout.readline()))
        opener.kill()
    until((tmp_path / "told").exists, what="the word to stop")
    until(lambda: dead(house), what="its end")
