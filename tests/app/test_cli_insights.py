"""`signalpost insights` as an operator runs it, against a scripted TikTok server."""

import json

import pytest

from core.bootstrap import build_services
from core.config.settings import Settings
from db.session import Database
from tests.app.cli_runner import in_process_cli, subprocess_cli
from tests.platforms.hostile_server import hostile_server
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.insights_harness import INSIGHTS_SCOPES, USER_INFO_PATH, VIDEO_LIST_PATH
from tests.support.row_factory import RowFactory


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        server.behaviours[VIDEO_LIST_PATH] = lambda sock: sock.sendall(
            ok_response(videos=[], has_more=False)
        )
        server.behaviours[USER_INFO_PATH] = lambda sock: sock.sendall(
            ok_response(user={"follower_count": 7})
        )
        yield server


@pytest.fixture
def cli_environ(app_factory, platform_server):
    return {
        **app_factory.environ,
        "SIGNALPOST_ROLE": "cli",
        "ENABLE_TIKTOK_INSIGHTS": "on",
        "TIKTOK_API_BASE_URL": platform_server.url,
        "TIKTOK_AUTH_BASE_URL": platform_server.url,
    }


@pytest.fixture
def account_id(cli_environ):
    settings = Settings.from_env(cli_environ)
    database = Database(settings.database_url)
    factory = RowFactory(database, build_services(settings, wake=lambda _kind: None).key_ring)
    yield factory.create_account(scope=INSIGHTS_SCOPES)
    database.dispose()


@pytest.fixture
def run_cli(cli_environ, tmp_path):
    return in_process_cli(cli_environ, tmp_path)


def test_one_run_fetches_what_is_due_and_exits(run_cli, account_id):
    result = run_cli("insights", "--once", "--json")
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary == {
        "ok": True,
        "total": 2,
        "answered": 2,
        "failed": 0,
        "skipped": 0,
        "errors": [],
    }
    assert run_cli("insights", "--once").stdout.strip() == (
        "0 total, 0 answered, 0 failed, 0 skipped"
    )


def test_a_refusal_is_named_and_the_exit_code_is_1(
    cli_environ, account_id, platform_server, tmp_path
):
    platform_server.behaviours[VIDEO_LIST_PATH] = lambda sock: sock.sendall(
        error_response(401, "scope_not_authorized")
    )
    result = subprocess_cli(cli_environ, tmp_path)("insights", "--once")
    assert result.returncode == 1
    assert f"account {account_id}: scope_not_authorized" in result.stdout


def test_help_shows_the_default_interval(run_cli):
    result = run_cli("insights", "--help")
    assert result.returncode == 0
    assert "--once" in result.stdout
    assert "21600000" in result.stdout
