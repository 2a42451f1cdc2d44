"""Flower needs its password, whoever starts it and wherever the password is kept, and can be
stopped.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode

import psutil
import pytest

from local.ports import find_free_port
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.stacks import ROOT

PASSWORD = "signalpost:a-password-of-the-test"
FLOWER_COMMAND = (sys.executable, "-m", "celery", "-A", "tasks.celery:app", "flower")
SETTINGS = {
    "BROKER_URL": "redis://127.0.0.1:1/0",  # Flower shows its pages without a broker too
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(ROOT),
}
GRACE = 10.0  # seconds, in which a container has to end
QUERIED = "Inspect method conf failed"  # no worker answered
OPERATOR_SETTINGS = {
    "DATABASE_URL": "postgresql://127.0.0.1:1/app",
    "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
    "TOKEN_ENCRYPTION_KEY": b64encode(bytes(range(32))).decode(),
}


@pytest.mark.parametrize("environment", [{"SIGNALPOST_ROLE": "flower"}, OPERATOR_SETTINGS])
def test_without_a_password_it_does_not_start(environment, tmp_path):
    refused = subprocess.run(
        FLOWER_COMMAND,
        env={**SETTINGS, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode != 0
    assert "FLOWER_BASIC_AUTH is missing" in refused.stderr
    assert "Traceback" not in refused.stderr


def read_status(url, password=None):
    headers = (
        {"Authorization": f"Basic {b64encode(password.encode()).decode()}"} if password else {}
    )
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_a_password_in_a_file_protects_every_page(tmp_path):
    password_file, port = tmp_path / "password", find_free_port()
    password_file.write_text(f"{PASSWORD}\n")
    environment = {"SIGNALPOST_ROLE": "flower", "FLOWER_BASIC_AUTH_FILE": str(password_file)}
    process = start_process(
        (*FLOWER_COMMAND, f"--port={port}"),
        cwd=tmp_path,
        env={**SETTINGS, **environment},
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: read_status(f"{url}/healthcheck", PASSWORD) == 200, what="Flower")
        pages = ("/", "/workers", "/tasks", "/broker", "/metrics", "/healthcheck", "/api/workers")
        assert {page: read_status(url + page) for page in pages} == dict.fromkeys(pages, 401)
        assert read_status(f"{url}/metrics", "signalpost:wrong") == 401
        assert read_status(f"{url}/metrics", PASSWORD) == 200
        listening = [
            each for each in psutil.Process(process.pid).net_connections() if not each.raddr
        ]
        assert {each.laddr.ip for each in listening} == {"127.0.0.1"}
    finally:
        process.kill()
        process.wait()


def test_flower_that_has_queried_the_workers_ends_with_sigterm(redis_server, tmp_path):
    """Its threads need two connections each, and none may wait for another's."""
    port = find_free_port()
    environment = {"SIGNALPOST_ROLE": "flower", "FLOWER_BASIC_AUTH": PASSWORD}
    environment["BROKER_URL"] = redis_server.url
    process = start_process(
        (*FLOWER_COMMAND, f"--port={port}", "--debug"),
        cwd=tmp_path,
        env={**SETTINGS, **environment},
        stderr=(tmp_path / "log").open("wb"),
    )
    try:
        wait_until(lambda: QUERIED in (tmp_path / "log").read_text(), what="an inspection")
        process.terminate()
        assert process.wait(GRACE) == 0
    finally:
        process.kill()
        process.wait()
