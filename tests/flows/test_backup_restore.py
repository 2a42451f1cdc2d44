"""A lost database: what happened after the backup is neither undone nor done a second time.

The witness is the sandbox's ledger of what was really published. The stack goes on while its
backup is restored into another database, on which workers then run.
"""

import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg2
import pytest

from core import accounts
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.bootstrap import build_database, build_services
from core.config.settings import Settings
from core.identity import api_keys, users
from core.jobs.runner import run_jobs
from core.publishing.job_types import PUBLISH_JOB_TYPE, UPLOAD_JOB_TYPE
from tests.flows.api_user import DIRECT_FIELDS, PULL_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.stacks import ROOT, SIGNALPOST_COMMAND, timestamp_in

DATABASE = "restored"
TOMORROW = 86_400  # seconds


@dataclass
class RestoredInstallation:
    """The settings of the stack with another database, and workers that run on it here."""

    environment: dict
    owner_url: str

    def run_cli(self, *arguments):
        done = subprocess.run(
            [*SIGNALPOST_COMMAND, *map(str, arguments), "--json"],
            env=self.environment,
            cwd=self.environment["TMPDIR"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, done.stderr
        (line,) = done.stdout.splitlines()
        return json.loads(line)

    def query(self, statement, *parameters):
        with psycopg2.connect(self.owner_url) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def run_workers(self):
        """Run what is due of accounts and posts, once."""
        settings = Settings.from_env({**self.environment, "SIGNALPOST_ROLE": "worker"})
        database = build_database(settings, role="worker")
        services = build_services(settings, wake=lambda _kind: None)
        try:
            accounts.confirm_restored_logins(database, services)
            for job_type in (REFRESH_JOB_TYPE, PUBLISH_JOB_TYPE, UPLOAD_JOB_TYPE):
                run_jobs(job_type, database, services)
        finally:
            database.dispose()

    @contextmanager
    def open_session(self, url):
        """A transaction of an operator in the database of this URL."""
        settings = Settings.from_env({**self.environment, "DATABASE_URL": url})
        database = build_database(settings, role="cli")
        try:
            with database.transaction() as session:
                yield session
        finally:
            database.dispose()

    def get_post(self, post_id):
        ((state, reason),) = self.query(
            "SELECT state, hold_reason FROM posts WHERE id = %s", post_id
        )
        return state, reason


@pytest.fixture
def other_installation(stack, tmp_path):
    """An empty database beside the stack's, dropped afterwards."""
    owner_url = stack.info["database"]
    environment = stack.find_process("web").environ()
    run_outside_transaction(owner_url, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    run_outside_transaction(owner_url, f"CREATE DATABASE {DATABASE}")
    environment |= {
        "SIGNALPOST_ROLE": "cli",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(tmp_path),
        "DATABASE_URL": with_database(environment["DATABASE_URL"]),
        "MIGRATION_DATABASE_URL": with_database(owner_url),
    }
    del environment["PROMETHEUS_MULTIPROC_DIR"]
    yield RestoredInstallation(environment, with_database(owner_url))
    run_outside_transaction(owner_url, f"DROP DATABASE {DATABASE} WITH (FORCE)")


def with_database(url):
    return urlsplit(url)._replace(path=f"/{DATABASE}").geturl()


def without_password(url):
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username}@{parts.hostname}:{parts.port}").geturl()


def run_outside_transaction(url, statement):
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def test_a_restored_backup_sends_nothing_twice_and_forgets_no_erasure(
    stack, api_user, instagram_user, other_installation, tmp_path
):
    erased, rotated = stack.create_api_user(), stack.create_api_user()
    queued = api_user.publish_file(publish_at=timestamp_in(TOMORROW))
    key_id = create_key(stack, other_installation)
    with stack.freeze("worker"):  # so that the post is under way in the backup
        under_way = api_user.create_post(wait=True, **PULL_FIELDS, **DIRECT_FIELDS)
        assert api_user.get_state(under_way) not in {"QUEUED", "PUBLISHED"}
        made = other_installation.run_cli(
            "backup", tmp_path / "backups", "--from", stack.info["database"]
        )
    assert made["ok"], made

    revoke_key(stack, other_installation, key_id)
    erase_account(erased)
    rotate_tokens(stack, rotated)
    stack.query("UPDATE posts SET publish_at = now(), due_at = now() WHERE id = %s", queued)
    assert {api_user.wait_until_final(each)["state"] for each in (queued, under_way)} == {
        "PUBLISHED"
    }
    published = api_user.count_publications()
    assert published == 2

    target = without_password(other_installation.owner_url)
    result = other_installation.run_cli("restore", tmp_path / "backups", "--into", target, "--hold")
    assert result["ok"], result
    assert result["rows"] == made["rows"]
    assert result["removals"] == {
        "keys": 1,
        "users": 0,
        "disabledUsers": 0,
        "logins": 1,
        "people": 0,
    }
    assert result["sessions"] >= 1
    assert result["unconfirmedPosts"] >= 1
    assert other_installation.get_post(queued) == ("QUEUED", "restored")
    assert other_installation.get_post(under_way) == ("UNCONFIRMED", None)
    assert other_installation.query("SELECT 1 FROM sessions WHERE revoked_at IS NULL") == []
    assert (
        other_installation.query(
            "SELECT 1 FROM api_keys WHERE id = %s AND revoked_at IS NULL", key_id
        )
        == []
    )
    assert (
        other_installation.query("SELECT 1 FROM oauth_accounts WHERE open_id = %s", erased.open_id)
        == []
    )

    wait_until(
        lambda: run_until(other_installation, under_way, "PUBLISHED"), what="the post being found"
    )
    assert api_user.count_publications() == published, "something was sent a second time"
    assert other_installation.get_post(queued) == ("QUEUED", "restored")
    statuses = dict(other_installation.query("SELECT id, status FROM oauth_accounts"))
    assert statuses[api_user.account_id] == "ACTIVE"
    assert statuses[rotated.account_id] == "NEEDS_RECONNECT", "its refresh token is worth nothing"
    assert statuses[instagram_user.account_id] == "ACTIVE"


def create_key(stack, other_installation):
    with other_installation.open_session(stack.info["database"]) as session:
        user = users.find_user(session, stack.info["user"])
        row, _ = api_keys.create_api_key(session, user.id, name="ci", scopes=["posts:read"])
        return row.id


def revoke_key(stack, other_installation, key_id):
    with other_installation.open_session(stack.info["database"]) as session:
        user = users.find_user(session, stack.info["user"])
        api_keys.revoke_api_key(session, key_id, user_id=user.id)


def erase_account(user):
    fields = {"accountId": user.account_id, "erase": True}
    user.call_json("POST", "/api/tiktok/disconnect", json=fields)


def rotate_tokens(stack, user):
    """Have the account refreshed, so that the refresh token of the backup is spent."""
    statement = "SELECT token_version FROM oauth_accounts WHERE id = %s"
    before = stack.query_value(statement, user.account_id)
    stack.query("UPDATE oauth_accounts SET refresh_due_at = now() WHERE id = %s", user.account_id)
    wait_until(
        lambda: stack.query_value(statement, user.account_id) > before, what="a refreshed token"
    )


def run_until(other_installation, post_id, state):
    other_installation.run_workers()
    return other_installation.get_post(post_id)[0] == state
