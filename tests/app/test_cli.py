import json
import logging
import os
import signal
from base64 import b64decode
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import cli
from core import audit
from core.config.settings import load
from db.users import Users
from tasks import context
from tests.app.terminal import apart, here

PASSWORD = "correct horse battery"


@pytest.fixture
def environ(stage):
    return {**stage.environ, "SIGNALPOST_ROLE": "cli"}


@pytest.fixture
def signalpost(environ, tmp_path):
    return here(environ, tmp_path)


@pytest.fixture
def operator(environ, tmp_path):
    """The same in a process of its own."""
    return apart(environ, tmp_path)


def said(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_user_is_added_and_signs_in(signalpost, client):
    made = said(signalpost("user", "add", "eve@example.org", "--json"))
    answer = client.post(
        "/api/auth/login", json={"email": "eve@example.org", "password": made["password"]}
    )
    assert answer.json["data"]["id"] == made["id"]


def test_a_password_from_stdin_is_not_shown_again(operator, house):
    done = operator(
        "user", "add", "eve@example.org", "--admin", "--password-stdin", stdin=PASSWORD + "\n"
    )
    assert done.returncode == 0
    assert PASSWORD not in done.stdout + done.stderr
    with house.database.transaction() as session:
        assert Users(session).by_email("eve@example.org").is_admin


@pytest.mark.parametrize("email", ["alice@example.org", "no address"])
def test_a_user_that_cannot_be_is_refused_with_1(signalpost, a_user, email):
    a_user()
    done = signalpost("user", "add", email, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] in {"CONFLICT", "VALIDATION_ERROR"}
    assert "Traceback" not in done.stderr


def test_a_key_is_shown_once_and_works(signalpost, client, a_user):
    alice = a_user()
    made = said(
        signalpost("key", "add", "ci", "--user", alice.email, "--scope", "posts:read", "--json")
    )
    me = client.get("/api/auth/me", headers={"Authorization": f"Bearer {made['key']}"})
    assert me.json["data"]["id"] == alice.id


def test_no_key_makes_an_administrator(signalpost, a_user):
    done = signalpost("key", "add", "ci", "--user", a_user().email, "--scope", "admin")
    assert done.returncode == 1
    assert "no administrator" in done.stderr


def test_a_fresh_sealing_key_has_32_bytes(signalpost):
    done = signalpost("keygen")
    assert len(b64decode(done.stdout)) == 32


def test_missing_settings_are_named_all_at_once(operator):
    done = operator("tokens", "refresh", "--once", SECRET_KEY="", TOKEN_ENCRYPTION_KEY="")
    assert done.returncode == 1
    assert "SECRET_KEY" in done.stderr
    assert "TOKEN_ENCRYPTION_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_due_is_no_fault(signalpost):
    assert said(signalpost("webhooks", "--once", "--json"))["processed"] == 0
    assert said(signalpost("tokens", "refresh", "--once", "--json"))["total"] == 0
    assert said(signalpost("alerts", "check", "--once", "--json"))["active"] == 0


def test_a_database_that_is_away_is_said_without_a_trace(operator):
    away = "postgresql://nobody@127.0.0.1:1/none"
    done = operator("webhooks", "--once", DATABASE_URL=away)
    assert done.returncode == 1
    assert done.stderr.count("\n") <= 3
    assert "the database does not answer" in done.stderr


def test_a_replay_has_to_say_of_what(signalpost, operator):
    assert signalpost("webhooks", "replay").returncode == 1
    assert said(operator("webhooks", "replay", "--dead", "--json"))["replayed"] == 0  # it rings


def test_a_post_that_is_not_there_cannot_be_sent_again(signalpost):
    done = signalpost("posts", "retry", 7)
    assert done.returncode == 1
    assert "no post 7" in done.stderr


def test_keys_are_counted_without_touching_anything(signalpost):
    counted = said(signalpost("tokens", "rotate-keys", "--dry-run", "--json"))
    assert (counted["resealed"], counted["left"]) == (0, 0)


def test_a_command_run_here_leaves_this_process_as_it_was(signalpost):
    before = around()
    assert signalpost("webhooks", "--once").returncode == 0
    assert around() == before
    assert load.cache_info().currsize == context.house.cache_info().currsize == 0


def around():
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
