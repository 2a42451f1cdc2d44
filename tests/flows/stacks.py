"""A real stack (`signalpost up --sandbox`) for tests, whose processes can be killed and frozen.

Uses our commands, ports and tables, and none of our code.
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
from tests.flows.instagram_user import FAST_INSTAGRAM, InstagramUser, create_instagram_user
from tests.platforms.sandbox_client import SandboxClient

ROOT = Path(__file__).parents[2]
SIGNALPOST_COMMAND = (str(Path(sys.executable).with_name("signalpost")),)
STOP_TIMEOUT = 15.0  # seconds; the limit in docs/surface.md
REAP_TIMEOUT = 2  # seconds, in which the system may still list a killed process
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
"""A word that only this process has in its command line."""

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
        """Run a statement and return its rows, or the row count. Retries while Postgres is down."""
        results = []
        wait_until(
            lambda: self._try_query(results, statement, parameters), what="a reply of Postgres"
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
        """Open a connection with one transaction, committed at the end."""
        connection = psycopg2.connect(self.info["database"], connect_timeout=2)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def query_value(self, statement, *parameters):
        return self.query(statement, *parameters)[0][0]

    def find_process(self, name):
        """Return the stack's process `name`; None while it is not running."""
        for process in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if any(PROCESS_MARKERS[name] in word for word in process.cmdline()):
                    return process
        return None

    def kill(self, *names):
        """Kill these processes and all they started, and wait until they are gone."""
        processes = [process for name in names if (process := self.find_process(name))]
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
        """Let all leases expire now, instead of after 30, 90 or 330 seconds."""
        for table in ("posts", "oauth_accounts", "webhook_events", "watches"):
            self.query(
                f"UPDATE {table} SET leased_until = now() - interval '1 second'"
                " WHERE leased_until > now()"
            )

    def reset_sandbox(self):
        """Remove faults, log and settings of earlier tests from the sandbox."""
        for resource in ("faults", "log", "settings"):
            self.sandbox.control(resource, method="DELETE")
        self.sandbox.control("settings", **FAST_SANDBOX)
        self.sandbox.control("instagram/settings", method="DELETE")
        self.sandbox.control("instagram/settings", **FAST_INSTAGRAM)

    def forget_earlier_tests(self):
        """Reset circuit breakers, and the counts of API calls, as if their windows were over.

        All tests act for one user from one address; the limits themselves are the shipped ones.
        """
        with redis.Redis.from_url(self.info["broker"]) as client:
            wait_until(lambda: is_redis_reachable(client), what="a reply of Redis")
            for pattern in ("signalpost:circuit:*", "signalpost:api:*"):
                for key in client.scan_iter(pattern):
                    client.delete(key)

    def create_api_user(self, **traits):
        return create_api_user(self.info, self.sandbox, **traits)

    def create_instagram_user(self):
        return create_instagram_user(self.info, self.sandbox)

    def read_log(self, name):
        return (self.folder / "data" / f"{name}.log").read_text(errors="replace")

    def stop(self):
        descendants = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        self.process.wait(STOP_TIMEOUT + 5)
        self.process.stdout.close()
        _, alive = psutil.wait_procs(descendants, timeout=REAP_TIMEOUT)
        assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def is_redis_reachable(client):
    try:
        return client.ping()
    except redis.RedisError:
        return False


def has_exited(process):
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two calls
        return True


@contextmanager
def run_stack(folder, *options, command=SIGNALPOST_COMMAND, **environment):
    """Start a stack, yield it when it is ready, and stop it.

    Shapes: `options` are options of `signalpost up`, `environment` additional settings.
    """
    arguments = ("--json", "--sandbox", "--no-flower", "--port", "0", "--data-dir", folder / "data")
    command = (*command, *(["up"] if command is SIGNALPOST_COMMAND else []), *arguments, *options)
    settings = {"PYTHONPATH": str(ROOT), **environment}
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
    """Start the process without waiting. It gets SIGTERM when this process ends, even if killed."""
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
    """One stack for all tests of this process in this folder."""
    with run_stack(tmp_path_factory.mktemp("stack"), LOG_FORMAT="json") as stack:
        yield stack


@pytest.fixture
def stack(shared_stack):
    """The shared stack, with the sandbox, the circuit breakers and the limits as at the start."""
    shared_stack.reset_sandbox()
    shared_stack.forget_earlier_tests()
    yield shared_stack
    shared_stack.sandbox.control("faults", method="DELETE")


@pytest.fixture
def api_user(stack) -> ApiUser:
    """A new creator with a connected account."""
    return stack.create_api_user()


@pytest.fixture
def instagram_user(stack) -> InstagramUser:
    """A new person whose Instagram account is connected."""
    return stack.create_instagram_user()


def timestamp_in(seconds):
    """Return the time so many seconds from now, in the API's format."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
