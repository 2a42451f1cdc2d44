"""`signalpost up` as a user runs it: one process tree that answers, heals and goes away."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from local import ground
from tests.flows.brokers import until
from tests.flows.houses import SIGNALPOST, STOP, opened

pytestmark = pytest.mark.timeout(240)

PATIENCE = 60.0  # seconds: on a busy machine only the test of it fails, not all that share a house


class Up:
    """One `signalpost up`, and everything it started."""

    def __init__(self, folder, *options, **account):
        words = ("--json", "--port", "0", "--data-dir", folder / "data")
        self.errors = folder / "up.err"
        self.process = opened(folder, (*SIGNALPOST, "up", *words, *options), account=account)

    def ready(self):
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        return json.loads(line)

    def family(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def children(self):
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def stop(self, number=signal.SIGTERM):
        """What is left of the family afterwards."""
        family = self.family() if self.process.poll() is None else []
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        return [each for each in family if each.is_running()]


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A first house: its folder, what it told, who was left when it stopped, and how soon."""
    folder = tmp_path_factory.mktemp("house")
    up = Up(folder, "--no-flower", "--sandbox")
    told, began = up.ready(), time.monotonic()
    left = up.stop(signal.SIGINT)
    return folder, told, (left, up.process.returncode), time.monotonic() - began


@pytest.fixture(scope="module")
def house(before):
    """The next one in its folder. Shared, for a house is heavy: tests leave it as they found it."""
    up = Up(before[0], "--sandbox")
    told = up.ready()
    yield up, told
    if up.process.poll() is None:
        assert up.stop() == []


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status, answer.read()


def ok(url):
    try:
        return get(url)[0] == 200
    except OSError:
        return False


def test_all_of_it_answers_when_the_line_is_printed(house):
    _, told = house
    assert told["ready"] is True
    assert get(f"{told['web']}/readyz")[0] == 200
    assert get(f"{told['sandbox']}/_sandbox/clock")[0] == 200
    psycopg2.connect(told["database"]).close()
    with redis.Redis.from_url(told["broker"]) as client:
        assert client.ping()


def test_the_key_it_prints_opens_the_house(house):
    _, told = house
    status, body = get(f"{told['web']}/api/auth/me", Authorization=f"Bearer {told['api_key']}")
    assert status == 200
    assert told["user"] in body.decode()


def test_it_names_every_process(house):
    _, told = house
    wanted = {"web", "worker", "uploads", "beat", "flower", "postgres", "redis", "sandbox"}
    assert set(told["pids"]) == wanted


def test_no_argument_of_any_process_is_a_secret(house):
    up, told = house
    secrets = [*json.loads((up.errors.parent / "data" / "settings.json").read_text()).values()]
    words = " ".join(" ".join(each.cmdline()) for each in up.family())
    assert not [
        secret for secret in (*secrets, told["password"], told["api_key"]) if secret in words
    ]


@pytest.mark.parametrize("name", ["worker", "web", "postgres"])
def test_what_is_killed_starts_again(house, name):
    up, told = house
    before = up.children()
    psutil.Process(told["pids"][name]).kill()
    until(lambda: up.children() - before, what="a successor")
    until(lambda: ok(f"{told['web']}/readyz"), what="readiness")


def test_a_second_house_in_the_same_folder_is_refused(house):
    up, _ = house
    folder = up.errors.parent
    refused = subprocess.run(
        [*SIGNALPOST, "up", "--port", "0", "--data-dir", folder / "data"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 1
    assert "another house" in refused.stderr


def test_it_stops_in_time_leaves_nobody_and_finds_everything_again(before, house):
    _, told, how, seconds = before
    _, again = house
    assert how == ([], 0)
    assert seconds < STOP
    assert (again["user"], again["password"]) == (told["user"], told["password"])
    assert again["api_key"] != told["api_key"]  # the old one is no longer good for anything


def test_what_its_processes_put_aside_lies_in_its_own_folder(house):
    up, _ = house
    around = [each.environ() for each in up.family()]
    ours = [environ for environ in around if "SIGNALPOST_ROLE" in environ]
    assert len(ours) >= len({"web", "worker", "uploads", "beat"})
    assert {environ["TMPDIR"] for environ in ours} == {str(up.errors.parent / "data" / "tmp")}


def test_killed_without_a_word_it_leaves_nobody_either(tmp_path):
    up = Up(tmp_path, "--no-flower")
    told = up.ready()
    assert (told["sandbox"], told["flower"], told["user"], told["api_key"]) == (None,) * 4
    family = up.family()
    up.process.kill()
    up.process.wait(5)
    up.process.stdout.close()
    until(lambda: not any(each.is_running() for each in family), what="the end of all children")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_needs_no_more_than_a_folder(tmp_path_factory):
    """Nobody has no home, and no right to anything of ours but to read it."""
    if not ground.open_to_all(Path(sys.executable).resolve()):
        pytest.skip("this Python lies in a folder that only root may enter")
    folder = Path(tempfile.mkdtemp(prefix="signalpost-nobody-"))
    nobody = ground.account()
    os.chown(folder, nobody.user, nobody.group)
    try:
        up = Up(folder, "--no-flower", **nobody.drop)
        up.ready()
        assert {each.uids().real for each in up.family()} == {nobody.user}
        assert up.stop() == []
    finally:
        shutil.rmtree(folder)
