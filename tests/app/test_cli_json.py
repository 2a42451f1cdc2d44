"""With `--json` every command prints the fields that its documentation names, and only those."""

import json
from datetime import timedelta

import click
import pytest
from sqlalchemy import func

from local.commands import cli
from tests.app.cli_runner import in_process_cli
from tests.support.row_factory import RowFactory

PRIVATE_HOSTS = {"ENDPOINT_PRIVATE_HOSTS": "on"}
TRIED_ELSEWHERE = {
    "up": "tests/flows/test_local_up.py",
    "alerts test": "tests/app/test_ops_notice_sinks.py",
    "backup list": "tests/db/test_backup_dumps.py",
    "backup make": "tests/db/test_backup_dumps.py",
    "backup verify": "tests/db/test_backup_dumps.py",
    "restore": "tests/flows/test_backup_restore.py",
}
"""Commands that need more than a database, and where their fields are tested."""

RUNS = [
    "users add carol@example.org",
    "users list",
    "users show {user}",
    "users sessions {user}",
    "users password {user}",
    "users disable {user}",
    "users enable {user}",
    "keys add ci --user {user} --scope posts:read",
    "keys list",
    "keys revoke --all --user {user}",
    "pause outbox --reason moving --yes",
    "pauses",
    "resume outbox",
    "accounts list",
    "accounts show {account}",
    "endpoints add http://127.0.0.1/other --user {user}",
    "endpoints list --user {user}",
    "endpoints rotate {endpoint}",
    "endpoints disable {endpoint}",
    "endpoints enable {endpoint}",
    "endpoints test {endpoint}",
    "endpoints deliveries {endpoint}",
    "endpoints redeliver {delivery}",
    "endpoints discard {endpoint} --since 2026-01-01 --dry-run",
    "endpoints discard {endpoint} --since 2026-01-01 --yes",
    "endpoints restore {endpoint} 2026-01-01T00:00:00+00:00",
    "endpoints remove {endpoint} --yes",
    "alerts list",
    "alerts check --once",
    "keygen",
    "migrate status",
    "doctor",
    "webhooks --once",
    "tokens refresh --once",
    "tokens rotate-keys --dry-run",
    "insights --once",
    "events list",
    "events show {event}",
    "events replay --dead --dry-run",
    "events replay --dead",
    "events discard --dead --yes",
    "events restore 2026-11-30T09:30:00+00:00",
    "posts list",
    "posts show {failed_post}",
    "posts stuck",
    "posts hold {queued_post}",
    "posts release {queued_post}",
    "posts release --held --dry-run",
    "posts cancel --held --yes",
    "posts cancel {queued_post} --yes",
    "posts retry {failed_post}",
    "accounts disconnect {account} --yes",
    "users erase {user} --yes",
]


def find_command(path):
    command = cli
    for name in path.split():
        if not isinstance(command, click.Group) or name not in command.commands:
            break
        command = command.commands[name]
    return command


def documented_commands(command=cli, path=()):
    """Yield the names of all commands that document fields."""
    if getattr(command, "fields", ()) or getattr(command, "item_fields", ()):
        yield " ".join(path)
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from documented_commands(child, (*path, name))


@pytest.fixture
def run_cli(app_factory, tmp_path):
    environ = {**app_factory.environ, **PRIVATE_HOSTS, "SIGNALPOST_ROLE": "cli"}
    return in_process_cli(environ, tmp_path)


@pytest.fixture
def row_ids(run_cli, container, make_user, run_sql):
    """A row of every kind, by the name of its placeholder."""
    alice = make_user()
    factory = RowFactory(container.database, container.services.key_ring)
    account = factory.create_account(alice.id)
    run_sql(
        "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status,"
        " dead_at) VALUES ('tiktok', 'x', 'x', '{}', 'dead', now())"
    )
    run_sql("INSERT INTO alerts (name, severity, details) VALUES ('dead_letters', 'warning', '{}')")
    url = "http://127.0.0.1/hook"
    created = run_cli("endpoints", "add", url, "--user", alice.email, "--json")
    endpoint = json.loads(created.stdout)["id"]
    tested = run_cli("endpoints", "test", endpoint, "--json")
    long_ago = func.now() - timedelta(minutes=20)
    return {
        "user": alice.id,
        "account": account,
        "endpoint": endpoint,
        "delivery": json.loads(tested.stdout)["id"],
        "event": 1,
        "queued_post": factory.create_post(account, publish_at=long_ago, due_at=long_ago),
        "failed_post": factory.create_post(account, state="FAILED"),
    }


def test_every_command_with_documented_fields_is_tried():
    tried = {path for path in documented_commands() if any(run.startswith(path) for run in RUNS)}
    assert set(documented_commands()) - tried == set(TRIED_ELSEWHERE)


def test_commands_print_the_fields_that_are_documented(run_cli, row_ids):
    for run in RUNS:
        command = find_command(run)
        result = run_cli(*run.format(**row_ids).split(), "--json")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert lines, (run, result.stderr)
        assert all("error" not in line or "error" in command.fields for line in lines), lines
        for line in lines:
            assert_fields(run, command, line)


def assert_fields(run, command, line):
    names = set(line) - {"ok"}
    if command.item_fields:
        assert "items" in names, run
        assert line["items"] or "deliveries" in run, run
        assert all(set(item) == set(command.item_fields) for item in line["items"]), run
        names -= {"items"}
    optional = {name[:-1] for name in command.fields if name.endswith("?")}
    required = {name for name in command.fields if not name.endswith("?")}
    assert required <= names <= required | optional, (run, names)
