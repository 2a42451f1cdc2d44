"""A real house as a guest finds it, and as misfortune does: a process tree, killed in parts.

Knows our commands, ports and tables, and none of our code.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from tests.flows.api_user import ApiUser, create_api_user
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.platforms.sandbox_client import SandboxClient

ROOT = Path(__file__).parents[2]
SIGNALPOST_COMMAND = (str(Path(sys.executable).with_name("signalpost")),)
STOP_TIMEOUT = 15.0  # seconds: surface.md
STACK_SETTINGS = ("DATABASE_URL", "BROKER_URL", "REDIS_URL", "SECRET_KEY", "TOKEN_ENCRYPTION_KEY")
PROCESS_MARKERS = {
    "web": "granian",
    "worker": "worker@",
    "uploads": "uploads@",
    "beat": "beat",
    "sandbox": "platforms.sandbox",
    "postgres": "postgres",
    "redis": "valkey-server",
}
"""A word of each process's command line that no other one has."""

GENEROUS_LIMITS = {
    "TIKTOK_INIT_PER_MINUTE": "1000",
    "TIKTOK_STATUS_PER_MINUTE": "1000",
    "TIKTOK_CREATOR_PER_MINUTE": "1000",
    "TIKTOK_DIRECT_DAILY_LIMIT": "1000",
    "RATE_LIMIT_USER": "100000/1m",
    "RATE_LIMIT_OAUTH": "1000/1m",
    "RATE_LIMIT_LOGIN": "1000/1m",
}
"""Limits have tests of their own; here they would only make everybody wait."""

FAST_SANDBOX = {
    "processing_seconds": 0.1,
    "moderation_seconds": 0.1,
    "download_seconds": 0.1,
    "redelivery_seconds": 0.5,
    "init_per_minute": 1000,
    "status_per_minute": 1000,
    "creator_per_minute": 1000,
    "direct_daily": 1000,
    "pending_limit": 1000,
    "verified_urls": "videos.example.com",
}


@dataclass
class RunningStack:
    """One `signalpost up` with the sandbox."""

    process: subprocess.Popen
    folder: Path
    info: dict

    @property
    def sandbox(self):
        return SandboxClient(self.info["sandbox"], None)

    def query(self, statement, *parameters):
        """What Postgres says; while it is away, as soon as it is back."""
        results = []
        wait_until(
            lambda: self._try_query(results, statement, parameters), what="an answer of Postgres"
        )
        return results[0]

    def _try_query(self, results, statement, parameters):
        try:
            with self.connection() as connection, connection.cursor() as cur:
                cur.execute(statement, parameters)
                results.append(cur.fetchall() if cur.description else cur.rowcount)
        except psycopg2.OperationalError:
            return False
        return True

    @contextmanager
    def connection(self):
        """One transaction, committed at the end."""
        connection = psycopg2.connect(self.info["database"], connect_timeout=2)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def query_value(self, statement, *parameters):
        return self.query(statement, *parameters)[0][0]

    def find_process(self, name):
        """The process that is the `name` of this house now; None while there is none."""
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if any(PROCESS_MARKERS[name] in word for word in process.cmdline()):
                    return process
        return None

    def kill(self, *names):
        """All of them in one stroke, each with everything it started."""
        processes = [process_found for name in names if (process_found := self.find_process(name))]
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in processes:
            wait_until(
                lambda process=process: has_exited(process), what="the end of a killed process"
            )

    @contextmanager
    def freeze(self, name):
        pid = self.find_process(name).pid
        os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(pid, signal.SIGCONT)

    def expire_leases(self):
        """Leases end now: stands for the 90 or 330 s after which they end by themselves."""
        for table in ("posts", "oauth_accounts", "webhook_events", "watches"):
            self.query(
                f"UPDATE {table} SET leased_until = now() - interval '1 second'"
                " WHERE leased_until > now()"
            )

    def reset_sandbox(self):
        """The sandbox as every test expects to find it."""
        for resource in ("faults", "log", "settings"):
            self.sandbox.control(resource, method="DELETE")
        self.sandbox.control("settings", **FAST_SANDBOX)

    def close_circuits(self):
        """A circuit that misfortune opened would hold up whoever comes next for a minute."""
        with redis.Redis.from_url(self.info["broker"]) as client:
            wait_until(lambda: is_redis_reachable(client), what="an answer of Redis")
            for circuit in client.scan_iter("signalpost:circuit:*"):
                client.delete(circuit)

    def create_api_user(self, **traits):
        return create_api_user(self.info, self.sandbox, **traits)

    def read_log(self, name):
        return (self.folder / "data" / f"{name}.log").read_text(errors="replace")

    def stop(self):
        descendants = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        self.process.wait(STOP_TIMEOUT + 5)
        self.process.stdout.close()
        assert [process for process in descendants if process.is_running()] == []


def is_redis_reachable(client):
    try:
        return client.ping()
    except redis.RedisError:
        return False


def has_exited(process):
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # gone between the two questions
        return True


@contextmanager
def run_stack(folder, *options, command=SIGNALPOST_COMMAND, **environment):
    """Opened, and gone afterwards with everything it started."""
    arguments = ("--json", "--sandbox", "--no-flower", "--port", "0", "--data-dir", folder / "data")
    command = (*command, *(["up"] if command is SIGNALPOST_COMMAND else []), *arguments, *options)
    settings = {**GENEROUS_LIMITS, "PYTHONPATH": str(ROOT), **environment}
    process = start_stack(folder, command, **settings)
    line = process.stdout.readline()
    assert line, (folder / "up.err").read_text()
    stack = RunningStack(process, folder, json.loads(line))
    try:
        stack.reset_sandbox()
        yield stack
    finally:
        stack.stop()


def start_stack(folder, command, *, user_options=None, **environment):
    """Not ready yet. It is told to stop when our process is no more, however that ends."""
    inherited = {name: value for name, value in os.environ.items() if name not in STACK_SETTINGS}
    with (folder / "up.err").open("wb") as errors:
        return start_process(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env={**inherited, **environment},
            parent_death_signal=signal.SIGTERM,
            **(user_options or {}),
        )


@pytest.fixture(scope="package")
def shared_stack(tmp_path_factory):
    """Stands until its process leaves this folder."""
    with run_stack(tmp_path_factory.mktemp("house")) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack):
    """The same, with the platform's mood as it was at the beginning, and nothing held against it
    any more.
    """
    shared_stack.reset_sandbox()
    shared_stack.close_circuits()
    yield shared_stack
    shared_stack.sandbox.control("faults", method="DELETE")


@pytest.fixture
def api_user(stack) -> ApiUser:
    """Somebody with an account of their own, whom no other test knows."""
    return stack.create_api_user()


def timestamp_in(seconds):
    """That many seconds from now, as our API takes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
