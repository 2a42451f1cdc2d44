"""The commands for users, keys, workers and replays: results, exit status, errors."""

import json
import logging
import os
import signal
from base64 import b64decode
from pathlib import Path

import pytest

from core import audit
from core.config.settings import load_settings
from db.identity.users import Users
from tasks import runtime
from tests.app.cli_runner import in_process_cli, subprocess_cli

PASSWORD = "correct horse battery"


@pytest.fixture
def cli_environ(app_factory):
    return {**app_factory.environ, "SIGNALPOST_ROLE": "cli"}


@pytest.fixture
def run_cli(cli_environ, tmp_path):
    return in_process_cli(cli_environ, tmp_path)


@pytest.fixture
def run_cli_process(cli_environ, tmp_path):
    """Runs commands in their own process."""
    return subprocess_cli(cli_environ, tmp_path)


def parse_output(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_a_user_is_added_and_signs_in(run_cli, client):
    created = parse_output(run_cli("user", "add", "eve@example.org", "--json"))
    response = client.post(
        "/api/auth/login", json={"email": "eve@example.org", "password": created["password"]}
    )
    assert response.json["data"]["id"] == created["id"]


def test_a_password_from_stdin_is_not_printed(run_cli_process, container):
    result = run_cli_process(
        "user", "add", "eve@example.org", "--admin", "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert result.returncode == 0
    assert PASSWORD not in result.stdout + result.stderr
    with container.database.transaction() as session:
        assert Users(session).get_by_email("eve@example.org").is_admin


@pytest.mark.parametrize("email", ["alice@example.org", "no address"])
def test_an_invalid_or_existing_user_is_refused_with_exit_status_1(run_cli, make_user, email):
    make_user()
    result = run_cli("user", "add", email, "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] in {"CONFLICT", "VALIDATION_ERROR"}
    assert "Traceback" not in result.stderr


def test_a_new_key_is_printed_and_works(run_cli, client, make_user):
    alice = make_user()
    created = parse_output(
        run_cli("key", "add", "ci", "--user", alice.email, "--scope", "posts:read", "--json")
    )
    me = client.get("/api/auth/me", headers={"Authorization": f"Bearer {created['key']}"})
    assert me.json["data"]["id"] == alice.id


def test_a_key_cannot_give_admin_to_a_user_without_it(run_cli, make_user):
    result = run_cli("key", "add", "ci", "--user", make_user().email, "--scope", "admin")
    assert result.returncode == 1
    assert "not an administrator" in result.stderr


def test_a_new_encryption_key_has_32_bytes(run_cli):
    result = run_cli("keygen")
    assert len(b64decode(result.stdout)) == 32


def test_missing_settings_are_named_all_at_once(run_cli_process):
    result = run_cli_process("tokens", "refresh", "--once", SECRET_KEY="", TOKEN_ENCRYPTION_KEY="")
    assert result.returncode == 1
    assert "SECRET_KEY" in result.stderr
    assert "TOKEN_ENCRYPTION_KEY" in result.stderr
    assert "Traceback" not in result.stderr


def test_nothing_due_is_a_success(run_cli):
    assert parse_output(run_cli("webhooks", "--once", "--json"))["processed"] == 0
    assert parse_output(run_cli("tokens", "refresh", "--once", "--json"))["total"] == 0
    assert parse_output(run_cli("alerts", "check", "--once", "--json"))["active"] == 0


def test_an_unreachable_database_is_reported_without_a_traceback(run_cli_process):
    unreachable_url = "postgresql://nobody@127.0.0.1:1/none"
    result = run_cli_process("webhooks", "--once", DATABASE_URL=unreachable_url)
    assert result.returncode == 1
    assert result.stderr.count("\n") <= 3
    assert "the database cannot be used: nothing listens on that host" in result.stderr


def test_a_replay_needs_a_selection(run_cli, run_cli_process):
    assert run_cli("webhooks", "replay").returncode == 1
    result = parse_output(run_cli_process("webhooks", "replay", "--dead", "--json"))
    assert result["replayed"] == 0


def test_an_unknown_post_cannot_be_retried(run_cli):
    result = run_cli("posts", "retry", 7)
    assert result.returncode == 1
    assert "no post 7" in result.stderr


def test_a_dry_run_of_key_rotation_only_counts(run_cli):
    counts = parse_output(run_cli("tokens", "rotate-keys", "--dry-run", "--json"))
    assert (counts["resealed"], counts["left"]) == (0, 0)


def test_a_command_run_in_process_restores_the_process(run_cli):
    before = process_state()
    assert run_cli("webhooks", "--once").returncode == 0
    assert process_state() == before
    assert (
        load_settings.cache_info().currsize == runtime.current_container.cache_info().currsize == 0
    )


def process_state():
    """What a command changes in its process."""
    root = logging.getLogger()
    signal_handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    return (
        dict(os.environ),
        Path.cwd(),
        signal_handlers,
        root.handlers[:],
        root.level,
        audit._origin.get(),
    )
