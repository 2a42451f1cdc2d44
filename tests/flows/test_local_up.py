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

from local import user_and_folders
from tests.flows.brokers import wait_until
from tests.flows.stacks import SIGNALPOST_COMMAND, STOP_TIMEOUT, start_stack

pytestmark = pytest.mark.timeout(240)

STOP_WAIT = 60.0  # seconds: on a busy machine only the test of it fails, not all that share a house


class UpProcess:
    """One `signalpost up`, and everything it started."""

    def __init__(self, folder, *options, **user_options):
        arguments = ("--json", "--port", "0", "--data-dir", folder / "data")
        self.errors = folder / "up.err"
        self.process = start_stack(
            folder, (*SIGNALPOST_COMMAND, "up", *arguments, *options), user_options=user_options
        )

    def wait_ready(self):
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        return json.loads(line)

    def descendants(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def child_pids(self):
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def stop(self, signal_number=signal.SIGTERM):
        """What is left of the family afterwards."""
        descendants = self.descendants() if self.process.poll() is None else []
        self.process.send_signal(signal_number)
        self.process.wait(STOP_WAIT)
        self.process.stdout.close()
        return [process for process in descendants if process.is_running()]


@pytest.fixture(scope="module")
def stopped_stack(tmp_path_factory):
    """A first house: its folder, what it told, who was left when it stopped, and how soon."""
    folder = tmp_path_factory.mktemp("house")
    up = UpProcess(folder, "--no-flower", "--sandbox")
    info, started_at = up.wait_ready(), time.monotonic()
    leftover = up.stop(signal.SIGINT)
    return folder, info, (leftover, up.process.returncode), time.monotonic() - started_at


@pytest.fixture(scope="module")
def restarted_stack(stopped_stack):
    """The next one in its folder. Shared, for a house is heavy: tests leave it as they found it."""
    up = UpProcess(stopped_stack[0], "--sandbox")
    info = up.wait_ready()
    yield up, info
    if up.process.poll() is None:
        assert up.stop() == []


def fetch(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.status, response.read()


def is_ok(url):
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


def test_every_server_responds_when_the_ready_line_is_printed(restarted_stack):
    _, info = restarted_stack
    assert info["ready"] is True
    assert fetch(f"{info['web']}/readyz")[0] == 200
    assert fetch(f"{info['sandbox']}/_sandbox/clock")[0] == 200
    psycopg2.connect(info["database"]).close()
    with redis.Redis.from_url(info["broker"]) as client:
        assert client.ping()


def test_the_printed_api_key_is_accepted(restarted_stack):
    _, info = restarted_stack
    status, body = fetch(f"{info['web']}/api/auth/me", Authorization=f"Bearer {info['api_key']}")
    assert status == 200
    assert info["user"] in body.decode()


def test_the_ready_line_names_every_process(restarted_stack):
    _, info = restarted_stack
    wanted = {"web", "worker", "uploads", "beat", "flower", "postgres", "redis", "sandbox"}
    assert set(info["pids"]) == wanted


def test_no_argument_of_any_process_is_a_secret(restarted_stack):
    up, info = restarted_stack
    secrets = [*json.loads((up.errors.parent / "data" / "settings.json").read_text()).values()]
    words = " ".join(" ".join(each.cmdline()) for each in up.family())
    assert not [
        secret for secret in (*secrets, info["password"], info["api_key"]) if secret in words
    ]


@pytest.mark.parametrize("name", ["worker", "web", "postgres"])
def test_what_is_killed_starts_again(restarted_stack, name):
    up, info = restarted_stack
    before = up.children()
    psutil.Process(info["pids"][name]).kill()
    wait_until(lambda: up.children() - before, what="a successor")
    wait_until(lambda: is_ok(f"{info['web']}/readyz"), what="readiness")


def test_a_second_stack_in_the_same_folder_is_refused(restarted_stack):
    up, _ = restarted_stack
    folder = up.errors.parent
    refused = subprocess.run(
        [*SIGNALPOST_COMMAND, "up", "--port", "0", "--data-dir", folder / "data"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 1
    assert "another house" in refused.stderr


def test_it_stops_in_time_without_leftovers_and_keeps_its_data(stopped_stack, restarted_stack):
    _, info, leftover_and_code, seconds = stopped_stack
    _, info_again = restarted_stack
    assert leftover_and_code == ([], 0)
    assert seconds < STOP_TIMEOUT
    assert (info_again["user"], info_again["password"]) == (info["user"], info["password"])
    assert info_again["api_key"] != info["api_key"]  # the old one is no longer good for anything


def test_temporary_files_lie_in_its_own_folder(restarted_stack):
    up, _ = restarted_stack
    environments = [each.environ() for each in up.family()]
    stack_environments = [environ for environ in environments if "SIGNALPOST_ROLE" in environ]
    assert len(stack_environments) >= len({"web", "worker", "uploads", "beat"})
    assert {environ["TMPDIR"] for environ in stack_environments} == {
        str(up.errors.parent / "data" / "tmp")
    }


def test_a_killed_stack_leaves_no_process_either(tmp_path):
    up = UpProcess(tmp_path, "--no-flower")
    info = up.wait_ready()
    assert (info["sandbox"], info["flower"], info["user"], info["api_key"]) == (None,) * 4
    family = up.descendants()
    up.process.kill()
    up.process.wait(5)
    up.process.stdout.close()
    wait_until(
        lambda: not any(each.is_running() for each in family), what="the end of all children"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_needs_no_more_than_a_folder(tmp_path_factory):
    """Nobody has no home, and no right to anything of ours but to read it."""
    if not user_and_folders.is_readable_by_all(Path(sys.executable).resolve()):
        pytest.skip("this Python lies in a folder that only root may enter")
    folder = Path(tempfile.mkdtemp(prefix="signalpost-nobody-"))
    nobody = user_and_folders.find_unprivileged_user()
    os.chown(folder, nobody.uid, nobody.gid)
    try:
        up = UpProcess(folder, "--no-flower", **nobody.popen_options)
        up.wait_ready()
        assert {each.uids().real for each in up.descendants()} == {nobody.uid}
        assert up.stop() == []
    finally:
        shutil.rmtree(folder)
