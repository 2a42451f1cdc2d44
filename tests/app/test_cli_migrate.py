"""`signalpost migrate` where DATABASE_URL is the only setting."""

import json
from urllib.parse import urlsplit

import pytest

from db import schema
from tests.app.cli_runner import in_process_cli, subprocess_cli


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
