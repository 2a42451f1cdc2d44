"""The embedded Postgres and Valkey: persistence, passwords, permissions and the folder's lock."""

import os
import re
import stat

import psutil
import psycopg2
import pytest
import redis

from local import postgres, user_and_folders, valkey
from local.child import DidNotStart


def run_statement(url, statement):
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    try:
        with connection, connection.cursor() as cur:
            cur.execute(statement)
            return cur.fetchone()[0] if cur.description else None
    finally:
        connection.close()


def without_password(url):
    return re.sub(r"//(\w*):[^@]+@", r"//\1@", url.replace("+psycopg2", ""))


@pytest.mark.parametrize("run", [1, 2])
def test_no_test_finds_what_another_left_in_postgres(empty_database_url, run):
    assert run_statement(empty_database_url, "SELECT to_regclass('mine')::text") is None
    run_statement(empty_database_url, "CREATE TABLE mine (id bigint)")


@pytest.mark.parametrize("run", [1, 2])
def test_no_test_finds_what_another_left_in_redis(redis_url, run):
    with redis.Redis.from_url(redis_url) as client:
        assert client.incr("counter") == 1


def test_postgres_refuses_connections_without_its_password(empty_database_url):
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(without_password(empty_database_url))


def test_redis_refuses_commands_without_its_password(redis_url):
    client = redis.Redis.from_url(without_password(redis_url))
    with client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_a_killed_postgres_keeps_what_was_committed(postgres_server):
    server = postgres_server()
    run_statement(server.dsn(), "CREATE TABLE kept AS SELECT 7 AS figure")
    server.kill()
    server.start()
    assert run_statement(server.dsn(), "SELECT figure FROM kept") == 7


def test_a_postgres_that_starts_in_an_existing_folder_keeps_its_password(tmp_path):
    folder = tmp_path / "postgres"
    first = postgres.Postgres(folder, fast=True).start()
    run_statement(first.dsn(), "CREATE TABLE kept AS SELECT 7 AS figure")
    first.stop()
    second = postgres.Postgres(folder, fast=True).start()
    try:
        assert run_statement(second.dsn(), "SELECT figure FROM kept") == 7
    finally:
        second.stop()


def test_a_postgres_whose_cluster_cannot_be_made_says_why(tmp_path):
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "of-somebody-else").touch()
    server = postgres.Postgres(folder)
    with pytest.raises(DidNotStart, match="exists but is not empty"):
        server.start()
    server.stop()


def test_a_stopped_redis_keeps_its_queue(valkey_server):
    server = valkey_server()
    with redis.Redis.from_url(server.url()) as client:
        client.rpush("queue", "message")
    server.stop()
    server.start()
    with redis.Redis.from_url(server.url()) as client:
        assert client.lrange("queue", 0, -1) == [b"message"]


def test_a_folder_is_locked_as_long_as_its_server_lives(valkey_server, monkeypatch):
    server = valkey_server()
    monkeypatch.setattr(user_and_folders, "LOCK_TIMEOUT", 0.1)
    with pytest.raises(user_and_folders.FolderInUse):
        valkey.Valkey(server.folder).start()
    server.stop()
    os.close(user_and_folders.lock_folder(server.folder))


def test_no_folder_becomes_accessible_to_others(postgres_server, tmp_path):
    tmp_path.chmod(0o700)
    server = postgres_server()
    assert run_statement(server.dsn(), "SELECT 1") == 1
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


def test_no_argument_of_a_server_is_a_secret(postgres_server):
    server = postgres_server()
    assert server.password not in " ".join(psutil.Process(server.pid).cmdline())
