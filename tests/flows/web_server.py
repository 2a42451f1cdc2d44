"""The web process alone, as it is started in production: Granian with our options and limits."""

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import requests

from core.encryption_keys import generate_key
from core.identity import api_keys, users
from db.session import Database
from local.ports import find_free_port
from local.processes import StackOptions, web_command
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process

ROOT = Path(__file__).parents[2]
REDIS_NUMBER = 15  # above those of the workers
STOP_TIMEOUT = 15  # seconds
SCOPES = ("accounts:read", "media:write", "posts:read", "posts:write")


@dataclass(frozen=True)
class WebServer:
    """A running web process, and the key of one user."""

    url: str
    port: int
    process: subprocess.Popen
    api_key: str
    log: Path

    @property
    def auth(self):
        return {"Authorization": f"Bearer {self.api_key}"}

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=30, **options)

    def announce_upload(self, size):
        """Begin an upload of so many bytes; return its path."""
        headers = {**self.auth, "Tus-Resumable": "1.0.0", "Upload-Length": str(size)}
        headers["Upload-Metadata"] = "filename dmlkZW8ubXA0"  # video.mp4
        response = requests.post(f"{self.url}/api/media", headers=headers, timeout=30)
        assert response.status_code == 201, response.text
        return response.headers["Location"]

    def read_offset(self, path):
        headers = {**self.auth, "Tus-Resumable": "1.0.0"}
        response = requests.head(self.url + path, headers=headers, timeout=30)
        return int(response.headers["Upload-Offset"])


@contextmanager
def run_web_server(folder, database_url, redis_url, **environment):
    """Start the process, yield it when it is ready, and stop it."""
    options = StackOptions(folder, find_free_port(), 0, 0, 1, 1)
    settings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        "BROKER_URL": redis_url,
        "PUBLIC_URL": options.web_url,
        "MEDIA_URL": f"file://{folder}",
        "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
        "TOKEN_ENCRYPTION_KEY": generate_key(),
        "SIGNALPOST_ROLE": "web",
        "TIKTOK_CLIENT_KEY": "key",
        "TIKTOK_CLIENT_SECRET": "client-secret",
        "TIKTOK_REDIRECT_URI": f"{options.web_url}/api/auth/tiktok/callback",
        **environment,
    }
    log = folder / "web.log"
    with log.open("wb") as out:
        process = start_process(
            web_command(options, settings), env=settings, cwd=folder, stdout=out, stderr=out
        )
    server = WebServer(
        options.web_url, options.web_port, process, create_api_key(database_url), log
    )
    try:
        wait_until(lambda: is_ready(server), what=f"the web server, see {log}")
        yield server
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT)


@pytest.fixture(scope="package")
def shared_web_server(tmp_path_factory, server_addresses, migrated_template):
    """One web process with the shipped limits, for all tests of this process in this folder."""
    with (
        server_addresses.temporary_database(migrated_template) as database_url,
        run_web_server(
            tmp_path_factory.mktemp("web"),
            database_url,
            f"{server_addresses.valkey}/{REDIS_NUMBER}",
        ) as server,
    ):
        yield server


@pytest.fixture
def web_server(shared_web_server, server_addresses):
    """The shared web process, with no limit used up by an earlier test."""
    with redis.Redis.from_url(f"{server_addresses.valkey}/{REDIS_NUMBER}") as client:
        client.flushdb()
    return shared_web_server


def is_ready(server):
    assert server.process.poll() is None, server.log.read_text()
    try:
        return server.get("/healthz").ok
    except requests.ConnectionError:
        return False


def create_api_key(database_url):
    database = Database(database_url)
    with database.transaction() as session:
        user = users.create_user(session, "sender@example.org", password=None)
        _, key = api_keys.create_api_key(session, user.id, name="a program", scopes=SCOPES)
    database.dispose()
    return key.reveal()
