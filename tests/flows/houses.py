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

from tests.flows.brokers import until
from tests.flows.guests import Guest, a_guest
from tests.flows.ties import begun
from tests.platforms.stage import Stage

ROOT = Path(__file__).parents[2]
SIGNALPOST = (str(Path(sys.executable).with_name("signalpost")),)
STOP = 15.0  # seconds: surface.md
OURS = ("DATABASE_URL", "BROKER_URL", "REDIS_URL", "SECRET_KEY", "TOKEN_ENCRYPTION_KEY")
MARKS = {
    "web": "granian",
    "worker": "worker@",
    "uploads": "uploads@",
    "beat": "beat",
    "sandbox": "platforms.sandbox",
    "postgres": "postgres",
    "redis": "valkey-server",
}
"""A word of each process's command line that no other one has."""

GENEROUS = {
    "TIKTOK_INIT_PER_MINUTE": "1000",
    "TIKTOK_STATUS_PER_MINUTE": "1000",
    "TIKTOK_CREATOR_PER_MINUTE": "1000",
    "TIKTOK_DIRECT_DAILY_LIMIT": "1000",
    "RATE_LIMIT_USER": "100000/1m",
    "RATE_LIMIT_OAUTH": "1000/1m",
    "RATE_LIMIT_LOGIN": "1000/1m",
}
"""Limits have tests of their own; here they would only make everybody wait."""

QUICK = {
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
class House:
    """One `signalpost up` with the sandbox."""

    process: subprocess.Popen
    folder: Path
    told: dict

    @property
    def sandbox(self):
        return Stage(self.told["sandbox"], None)

    def rows(self, statement, *values):
        """What Postgres says; while it is away, as soon as it is back."""
        found = []
        until(lambda: self._asked(found, statement, values), what="an answer of Postgres")
        return found[0]

    def _asked(self, found, statement, values):
        try:
            with self.connection() as connection, connection.cursor() as run:
                run.execute(statement, values)
                found.append(run.fetchall() if run.description else run.rowcount)
        except psycopg2.OperationalError:
            return False
        return True

    @contextmanager
    def connection(self):
        """One transaction, committed at the end."""
        connection = psycopg2.connect(self.told["database"], connect_timeout=2)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def one(self, statement, *values):
        return self.rows(statement, *values)[0][0]

    def child(self, name):
        """The process that is the `name` of this house now; None while there is none."""
        for each in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if any(MARKS[name] in word for word in each.cmdline()):
                    return each
        return None

    def kill(self, *names):
        """All of them in one stroke, each with everything it started."""
        gone = [found for name in names if (found := self.child(name))]
        for each in gone:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
        for each in gone:
            until(lambda each=each: dead(each), what="the end of a killed process")

    @contextmanager
    def frozen(self, name):
        pid = self.child(name).pid
        os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(pid, signal.SIGCONT)

    def lapse(self):
        """Leases end now: stands for the 90 or 330 s after which they end by themselves."""
        for table in ("posts", "oauth_accounts", "webhook_events", "watches"):
            self.rows(
                f"UPDATE {table} SET leased_until = now() - interval '1 second'"
                " WHERE leased_until > now()"
            )

    def calm(self):
        """The sandbox as every test expects to find it."""
        for told in ("faults", "log", "settings"):
            self.sandbox.control(told, method="DELETE")
        self.sandbox.control("settings", **QUICK)

    def forgive(self):
        """A circuit that misfortune opened would hold up whoever comes next for a minute."""
        with redis.Redis.from_url(self.told["broker"]) as client:
            until(lambda: answers(client), what="an answer of Redis")
            for circuit in client.scan_iter("signalpost:circuit:*"):
                client.delete(circuit)

    def guest(self, **traits):
        return a_guest(self.told, self.sandbox, **traits)

    def log(self, name):
        return (self.folder / "data" / f"{name}.log").read_text(errors="replace")

    def stop(self):
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        self.process.wait(STOP + 5)
        self.process.stdout.close()
        assert [each for each in family if each.is_running()] == []


def answers(client):
    try:
        return client.ping()
    except redis.RedisError:
        return False


def dead(process):
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # gone between the two questions
        return True


@contextmanager
def a_house(folder, *options, command=SIGNALPOST, **environment):
    """Opened, and gone afterwards with everything it started."""
    words = ("--json", "--sandbox", "--no-flower", "--port", "0", "--data-dir", folder / "data")
    command = (*command, *(["up"] if command is SIGNALPOST else []), *words, *options)
    around = {**GENEROUS, "PYTHONPATH": str(ROOT), **environment}
    process = opened(folder, command, **around)
    line = process.stdout.readline()
    assert line, (folder / "up.err").read_text()
    house = House(process, folder, json.loads(line))
    try:
        house.calm()
        yield house
    finally:
        house.stop()


def opened(folder, command, *, account=None, **environment):
    """Not ready yet. It is told to stop when our process is no more, however that ends."""
    names = {name: value for name, value in os.environ.items() if name not in OURS}
    with (folder / "up.err").open("wb") as errors:
        return begun(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env={**names, **environment},
            farewell=signal.SIGTERM,
            **(account or {}),
        )


@pytest.fixture(scope="package")
def shared_house(tmp_path_factory):
    """Stands until its process leaves this folder."""
    with a_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(shared_house):
    """The same, with the platform's mood as it was at the beginning, and nothing held against it
    any more.
    """
    shared_house.calm()
    shared_house.forgive()
    yield shared_house
    shared_house.sandbox.control("faults", method="DELETE")


@pytest.fixture
def guest(house) -> Guest:
    """Somebody with an account of their own, whom no other test knows."""
    return house.guest()


def moment(seconds):
    """That many seconds from now, as our API takes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
