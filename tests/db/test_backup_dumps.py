"""`signalpost backup`: a dump with its manifest, and what is refused, with a real Postgres."""

import json
import stat
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from local.backup.postgres_programs import connection_settings
from local.commands import cli
from tests.app.cli_runner import in_process_cli
from tests.servers import owner_url


@pytest.fixture
def signalpost(database_url, tmp_path):
    assert cli  # its import adds the commands of `local`
    return in_process_cli({"DATABASE_URL": owner_url(database_url)}, tmp_path)


def run_json(signalpost, *arguments, **options):
    result = signalpost(*arguments, "--json", **options)
    return json.loads(result.stdout.splitlines()[-1])


def test_a_backup_says_how_many_rows_it_has_and_verifies(signalpost, database_url, tmp_path):
    with open_cursor(owner_url(database_url)) as cursor:
        cursor.execute("INSERT INTO users (email) VALUES ('eve@example.org'), ('bob@example.org')")
    folder = tmp_path / "backups"
    made = run_json(signalpost, "backup", folder)
    assert made["ok"], made
    assert (made["kind"], made["tables"]["users"]) == ("logical", 2)
    [item] = run_json(signalpost, "backup", "list", folder)["items"]
    assert item == {name: value for name, value in made.items() if name != "ok"}
    assert run_json(signalpost, "backup", "verify", folder)["ok"]
    dump = folder / made["folder"] / "database.dump"
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert [path.name[0] for path in folder.iterdir()] == ["s"], "something unfinished is left"


def test_a_backup_that_was_changed_or_cut_off_is_found_out(signalpost, tmp_path):
    folder = tmp_path / "backups"
    dump = folder / run_json(signalpost, "backup", folder)["folder"] / "database.dump"
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 1
    for damaged in (bytes(content), bytes(content[:-10])):
        dump.write_bytes(damaged)
        refused = run_json(signalpost, "backup", "verify", folder)
        assert refused["error"]["code"] == "BACKUP_UNUSABLE"
    dump.unlink()
    assert "is missing" in signalpost("backup", "verify", folder).stderr


def test_folders_that_cannot_be_written_are_named_and_nothing_is_left(signalpost, tmp_path):
    (tmp_path / "file").write_text("")
    refused = signalpost("backup", tmp_path / "file" / "backups")
    assert refused.returncode == 1
    assert "FILE_ERROR" in refused.stderr
    refused = signalpost("backup", "/proc/backups")
    assert refused.returncode == 1
    assert "name a folder that this user may write" in refused.stderr
    refused = signalpost("backup", "verify", tmp_path)
    assert "holds no backup" in refused.stderr


def test_a_database_that_does_not_answer_is_named(signalpost, tmp_path):
    refused = signalpost("backup", tmp_path / "backups", DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert refused.returncode == 1
    assert "the database cannot be used" in refused.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_programs_get_the_password_in_a_file_and_not_in_arguments_or_environment():
    url = "postgresql://eve:x1%3Ax2%5Cx3@127.0.0.1:1/app?sslmode=disable"
    with connection_settings(url) as (conninfo, environment):
        file = Path(environment["PGPASSFILE"])
        assert not any("x1" in text for text in (conninfo, *environment.values()))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text() == "*:*:*:*:x1\\:x2\\\\x3\n"
    assert not file.exists()


@contextmanager
def open_cursor(url):
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
