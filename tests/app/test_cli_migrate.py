"""`signalpost migrate` where DATABASE_URL is the only setting."""

import json
import os
from urllib.parse import urlsplit

import pytest

from db import schema
from tests.app.cli_runner import CLI_COMMAND, ROOT, in_process_cli, subprocess_cli
from tests.app.terminal import open_terminal


def test_up_twice_then_status_then_down(empty_database_url, tmp_path):
    signalpost = in_process_cli({"DATABASE_URL": empty_database_url}, tmp_path)
    assert signalpost("migrate", "status").returncode == 1
    for _ in range(2):
        assert signalpost("migrate", "up").returncode == 0
    status = json.loads(signalpost("migrate", "status", "--json").stdout)
    assert {"oauth_accounts", "posts", "users", "webhook_events"} <= set(status["tables"])
    assert status["indexes"] >= 26
    assert signalpost("migrate", "down").returncode == 0
    assert signalpost("migrate", "status").returncode == 1


def test_tables_with_users_are_removed_only_with_a_confirmation(empty_database_url, tmp_path):
    signalpost = in_process_cli({"DATABASE_URL": empty_database_url}, tmp_path)
    assert signalpost("migrate").returncode == 0
    with schema.open_connection(empty_database_url) as connection:
        connection.exec_driver_sql("INSERT INTO users (email) VALUES ('eve@example.org')")
    refused = signalpost("migrate", "down")
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    assert signalpost("migrate", "status").returncode == 0
    assert signalpost("migrate", "down", "--yes").returncode == 0


def test_one_migration_is_taken_back_and_comes_again(empty_database_url, tmp_path):
    signalpost = in_process_cli({"DATABASE_URL": empty_database_url}, tmp_path)
    assert signalpost("migrate").returncode == 0
    *_, earlier, newest = schema.list_versions()
    with schema.open_connection(empty_database_url) as connection:
        connection.exec_driver_sql("INSERT INTO users (email) VALUES ('eve@example.org')")
    refused = signalpost("migrate", "down", "--to", earlier)
    assert (refused.returncode, "--yes" in refused.stderr) == (1, True)
    down = signalpost("migrate", "down", "--to", earlier, "--yes", "--json")
    assert json.loads(down.stdout) == {"ok": True, "current": earlier}
    status = json.loads(signalpost("migrate", "status", "--json").stdout)
    assert (status["current"], status["head"]) == (earlier, newest)
    assert signalpost("migrate").returncode == 0
    assert schema.has_users(empty_database_url)
    for version in ("9999", "banana"):
        wrong = signalpost("migrate", "down", "--to", version, "--yes")
        assert (wrong.returncode, f"0001 to {earlier}" in wrong.stderr) == (1, True)
    assert signalpost("migrate", "up", "--to", earlier).returncode == 2


def test_each_migration_is_a_line_in_a_log_and_a_bar_at_a_terminal(empty_database_url, tmp_path):
    environ = {"DATABASE_URL": empty_database_url, "FORCE_COLOR": "1"}
    signalpost = in_process_cli(environ, tmp_path)
    lines = signalpost("migrate", "--json").stderr.splitlines()
    total = schema.count_versions()
    assert lines[0] == f"migration 0001: 1 of {total}"
    assert len(lines) == total
    process = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    with open_terminal(
        [*CLI_COMMAND, "migrate", "down"], {**process, **environ, "TERM": "xterm"}, tmp_path
    ) as terminal:
        assert terminal.wait_for_end() == 0
    assert f"{total}/{total}" in terminal.plain_screen
    assert "\x1b[3" not in terminal.screen, "a colour in spite of NO_COLOR"


def test_a_missing_index_is_reported_and_exits_with_1(empty_database_url, tmp_path):
    operator = subprocess_cli({"DATABASE_URL": empty_database_url}, tmp_path)
    assert operator("migrate", "up").returncode == 0
    with schema.open_connection(empty_database_url) as connection:
        connection.exec_driver_sql("DROP INDEX idx_posts_due")
    result = operator("migrate", "status")
    assert result.returncode == 1
    assert "missing: idx_posts_due" in result.stdout


@pytest.mark.parametrize("action", ["up", "status", "down"])
def test_a_fault_names_the_setting_that_it_is_about(empty_database_url, tmp_path, action):
    wrong = urlsplit(empty_database_url)._replace(path="/absent").geturl()
    settings = {"DATABASE_URL": empty_database_url, "MIGRATION_DATABASE_URL": wrong}
    refused = in_process_cli(settings, tmp_path)("migrate", action)
    assert refused.returncode == 1
    assert "the database of MIGRATION_DATABASE_URL cannot be used" in refused.stderr
    assert "correct its name in MIGRATION_DATABASE_URL" in refused.stderr
    refused = in_process_cli({"DATABASE_URL": wrong}, tmp_path)("migrate", action)
    assert "correct its name in DATABASE_URL" in refused.stderr
