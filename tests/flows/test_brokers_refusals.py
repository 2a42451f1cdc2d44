"""A process whose user is refused by a store says so once, with the remedy, as it starts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from core.encryption_keys import generate_key
from tasks import start_check
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.rabbitmq import rabbit_server
from tests.flows.redis_servers import redis_servers
from tests.flows.web_server import run_web_server

__all__ = ["rabbit_server", "redis_servers"]  # the fixtures

ROOT = Path(__file__).parents[2]
ROLE_COMMANDS = {
    "worker": ("worker", "-c", "1", "-Q", "posts", "--without-mingle", "--without-gossip"),
    "beat": ("beat",),
}
START_TIMEOUT = 60  # seconds
RIGHTS_REMEDY = "give it the commands and keys that docs/operate/brokers.md names"
RABBIT_REMEDY = "give it configure, write and read permissions on the vhost"


def process_settings(role, broker_url, **environment):
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": "postgresql://127.0.0.1:1/app",
        "BROKER_URL": broker_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
        "TOKEN_ENCRYPTION_KEY": generate_key(),
        "SIGNALPOST_ROLE": role,
        **environment,
    }


def run_role(role, folder, broker_url, **environment):
    """Run the process until it ends; return its exit code and what it said."""
    command = (sys.executable, "-m", "celery", "-A", "tasks.celery:app", *ROLE_COMMANDS[role])
    ended = subprocess.run(
        command,
        env={**process_settings(role, broker_url, **environment), "TMPDIR": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=START_TIMEOUT,
    )
    return ended.returncode, ended.stdout + ended.stderr


def with_user(server, rules):
    """Give the server a user `app` with these rights; return the URL with it."""
    with redis.Redis(port=server.port) as operator:
        operator.execute_command("ACL", "SETUSER", "app", "on", ">pw", *rules.split())
    return server.url.replace("redis://", "redis://app:pw@")


def require_one_critical_line(outcome, setting, remedy):
    exit_code, output = outcome
    critical = [
        line for line in output.splitlines() if re.search(r"\bcritical\b", line, re.IGNORECASE)
    ]
    assert (exit_code, len(critical)) == (start_check.NOT_CONFIGURED_EXIT_CODE, 1), output
    assert setting in critical[0]
    assert remedy in critical[0]
    assert "Traceback" not in output
    assert "pw" not in critical[0].split()


@pytest.mark.parametrize("role", ROLE_COMMANDS)
def test_a_process_whose_redis_user_lacks_rights_ends_with_the_remedy(
    role, redis_servers, tmp_path
):
    url = with_user(redis_servers.start(), "~* &* +@all -lpush")
    require_one_critical_line(run_role(role, tmp_path, url), "BROKER_URL", RIGHTS_REMEDY)


def test_a_process_with_a_wrong_password_ends_with_the_remedy(redis_servers, tmp_path):
    server = redis_servers.start(requirepass="right")
    url = server.url.replace("redis://", "redis://:wrong@")
    require_one_critical_line(
        run_role("beat", tmp_path, url), "BROKER_URL", "compare them with those of the server"
    )


def test_a_worker_whose_limits_may_not_run_scripts_ends_with_the_remedy(redis_servers, tmp_path):
    server = redis_servers.start()
    limits = with_user(server, "~* &* +@all -eval -evalsha -script")
    outcome = run_role("worker", tmp_path, server.url, REDIS_URL=limits)
    require_one_critical_line(outcome, "REDIS_URL", RIGHTS_REMEDY)


def test_a_process_that_rabbitmq_refuses_ends_with_the_remedy(rabbit_server, tmp_path):
    address = f"127.0.0.1:{rabbit_server.port}"
    wrong = f"amqp://guest:wrong@{address}//"
    require_one_critical_line(
        run_role("worker", tmp_path, wrong), "BROKER_URL", "compare them with those of the server"
    )
    rabbit_server.control("add_user", "powerless", "pw")
    no_vhost = f"amqp://powerless:pw@{address}//"
    require_one_critical_line(run_role("beat", tmp_path, no_vhost), "BROKER_URL", "permissions")
    rabbit_server.control("set_permissions", "powerless", "^$", "^$", "^$")
    require_one_critical_line(run_role("worker", tmp_path, no_vhost), "BROKER_URL", RABBIT_REMEDY)


def test_a_broker_that_is_away_ends_nothing(redis_servers, tmp_path):
    """The negative control: processes start in any order."""
    server = redis_servers.start()
    server.kill()
    log = tmp_path / "beat.log"
    command = (sys.executable, "-m", "celery", "-A", "tasks.celery:app", *ROLE_COMMANDS["beat"])
    with log.open("wb") as out:
        process = start_process(
            command, env=process_settings("beat", server.url), cwd=tmp_path, stdout=out, stderr=out
        )
    try:
        wait_until(lambda: "Trying again" in log.read_text(), what="beat trying")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait(10)


def test_a_web_process_says_it_and_goes_on(redis_servers, database_url, tmp_path):
    """It stores deliveries without either store."""
    url = with_user(redis_servers.start(), "~* &* +@all -publish")
    with run_web_server(tmp_path, database_url, url) as server:
        wait_until(lambda: "store.refused" in server.log.read_text(), what="the critical line")
        (line,) = [each for each in server.log.read_text().splitlines() if "critical" in each]
        assert RIGHTS_REMEDY in line
        assert server.get("/healthz").status_code == 200
