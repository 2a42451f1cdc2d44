"""`signalpost insights` as an operator runs it, before a scripted TikTok."""

import json

import pytest

from core.config.settings import Settings
from core.wiring import build_world
from db.session import Database
from tests.app.terminal import apart, here
from tests.counting import LIST, SCOPES, USER
from tests.platforms.hostile import hostile_server
from tests.platforms.script import ok, refuses
from tests.tenants import Tenants


@pytest.fixture
def server():
    with hostile_server() as server:
        server.manners[LIST] = lambda sock: sock.sendall(ok(videos=[], has_more=False))
        server.manners[USER] = lambda sock: sock.sendall(ok(user={"follower_count": 7}))
        yield server


@pytest.fixture
def environ(stage, server):
    return {
        **stage.environ,
        "SIGNALPOST_ROLE": "cli",
        "ENABLE_TIKTOK_INSIGHTS": "on",
        "TIKTOK_API_BASE_URL": server.url,
        "TIKTOK_AUTH_BASE_URL": server.url,
    }


@pytest.fixture
def account(environ):
    settings = Settings.from_env(environ)
    database = Database(settings.database_url)
    tenants = Tenants(database, build_world(settings, ring=lambda _kind: None).keys)
    yield tenants.an_account(scope=SCOPES)
    database.dispose()


@pytest.fixture
def signalpost(environ, tmp_path):
    return here(environ, tmp_path)


def test_one_run_asks_for_what_is_due_and_then_ends(signalpost, account):
    done = signalpost("insights", "--once", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == {
        "ok": True,
        "total": 2,
        "answered": 2,
        "failed": 0,
        "skipped": 0,
        "errors": [],
    }
    assert signalpost("insights", "--once").stdout.strip() == (
        "0 total, 0 answered, 0 failed, 0 skipped"
    )


def test_a_refusal_is_named_and_the_exit_code_is_1(environ, account, server, tmp_path):
    server.manners[LIST] = lambda sock: sock.sendall(refuses(401, "scope_not_authorized"))
    done = apart(environ, tmp_path)("insights", "--once")
    assert done.returncode == 1
    assert f"account {account}: scope_not_authorized" in done.stdout


def test_help_says_how_often(signalpost):
    done = signalpost("insights", "--help")
    assert done.returncode == 0
    assert "--once" in done.stdout
    assert "21600000" in done.stdout
