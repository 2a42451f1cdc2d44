import json
import logging
import os
import signal
from base64 import b64decode
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.main import cli
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
    """The same in a process of its own."""
    return subprocess_cli(cli_environ, tmp_path)


def parse_output(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_a_user_is_added_and_signs_in(run_cli, client):
    made = parse_output(run_cli("user", "add", "eve@example.org", "--json"))
    response = client.post(
        "/api/auth/login", json={"email": "eve@example.org", "password": made["password"]}
    )
    assert response.json["data"]["id"] == made["id"]


def test_a_password_from_stdin_is_not_shown_again(run_cli_process, container):
    done = run_cli_process(
        "user", "add", "eve@example.org", "--admin", "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert done.returncode == 0
    assert PASSWORD not in done.stdout + done.stderr
    with container.database.transaction() as session:
        assert Users(session).get_by_email("eve@example.org").is_admin


@pytest.mark.parametrize("email", ["alice@example.org", "no address"])
def test_a_user_that_cannot_be_is_refused_with_1(run_cli, make_user, email):
    make_user()
    done = run_cli("user", "add", email, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] in {"CONFLICT", "VALIDATION_ERROR"}
    assert "Traceback" not in done.stderr


def test_a_key_is_shown_once_and_works(run_cli, client, make_user):
    alice = make_user()
    made = parse_output(
        run_cli("key", "add", "ci", "--user", alice.email, "--scope", "posts:read", "--json")
    )
    me = client.get("/api/auth/me", headers={"Authorization": f"Bearer {made['key']}"})
    assert me.json["data"]["id"] == alice.id


def test_no_key_makes_an_administrator(run_cli, make_user):
    done = run_cli("key", "add", "ci", "--user", make_user().email, "--scope", "admin")
    assert done.returncode == 1
    assert "not an administrator" in done.stderr


def test_a_new_encryption_key_has_32_bytes(run_cli):
    done = run_cli("keygen")
    assert len(b64decode(done.stdout)) == 32


def test_missing_settings_are_named_all_at_once(run_cli_process):
    done = run_cli_process("tokens", "refresh", "--once", SECRET_KEY="", TOKEN_ENCRYPTION_KEY="")
    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert "TOKEN_ENCRYPTION_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_due_is_no_fault(run_cli):
    assert parse_output(run_cli("webhooks", "--once", "--json"))["processed"] == 0
    assert parse_output(run_cli("tokens", "refresh", "--once", "--json"))["total"] == 0
    assert parse_output(run_cli("alerts", "check", "--once", "--json"))["active"] == 0


def test_a_database_that_is_away_is_said_without_a_trace(run_cli_process):
    away = "postgresql://nobody@127.0.0.1:1/none"
    done = run_cli_process("webhooks", "--once", DATABASE_URL=away)
    assert done.returncode == 1
    assert done.stderr.count("\n") <= 3
    assert "the database cannot be reached" in done.stderr


def test_a_replay_has_to_say_of_what(run_cli, run_cli_process):
    assert run_cli("webhooks", "replay").returncode == 1
    assert (
        parse_output(run_cli_process("webhooks", "replay", "--dead", "--json"))["replayed"] == 0
    )  # it rings


def test_a_post_that_is_not_there_cannot_be_sent_again(run_cli):
    done = run_cli("posts", "retry", 7)
    assert done.returncode == 1
    assert "no post 7" in done.stderr


def test_keys_are_counted_without_touching_anything(run_cli):
    counted = parse_output(run_cli("tokens", "rotate-keys", "--dry-run", "--json"))
    assert (counted["resealed"], counted["left"]) == (0, 0)


def test_a_command_run_here_leaves_this_process_as_it_was(run_cli):
    before = process_state()
    assert run_cli("webhooks", "--once").returncode == 0
    assert process_state() == before
    assert (
        load_settings.cache_info().currsize == runtime.current_container.cache_info().currsize == 0
    )


def process_state():
    """What a command takes possession of."""
    root = logging.getLogger()
    ends = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    return dict(os.environ), Path.cwd(), ends, root.handlers[:], root.level, audit._origin.get()


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("migrate",),
        ("user", "add"),
        ("key", "add"),
        ("keygen",),
        ("doctor",),
        ("webhooks",),
        ("webhooks", "replay"),
        ("posts", "retry"),
        ("tokens", "refresh"),
        ("tokens", "rotate-keys"),
        ("alerts", "check"),
        ("upload",),
    ],
)
def test_every_command_explains_itself_and_speaks_json(words):
    done = CliRunner().invoke(cli, [*words, "--help"])
    assert done.exit_code == 0
    assert not words or "--json" in done.output
