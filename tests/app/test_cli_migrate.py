import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from db import schema


@pytest.fixture
def migrate(empty_database_url, tmp_path):
    """Runs `signalpost migrate` where only the database's address is known."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-c", "from app.cli import cli; cli()", "migrate", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path.cwd()),
                "DATABASE_URL": empty_database_url,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


def test_up_twice_then_status_then_down(migrate):
    assert migrate("status").returncode == 1
    for _ in range(2):
        assert migrate("up").returncode == 0
    told = json.loads(migrate("status", "--json").stdout)
    assert {"oauth_accounts", "posts", "users", "webhook_events"} <= set(told["tables"])
    assert told["indexes"] >= 26
    assert migrate("down").returncode == 0
    assert migrate("status").returncode == 1


def test_a_missing_index_is_named_and_ends_with_1(migrate, empty_database_url):
    migrate("up")
    with schema.connected(empty_database_url) as connection:
        connection.exec_driver_sql("DROP INDEX idx_posts_due")
    done = migrate("status")
    assert done.returncode == 1
    assert "missing: idx_posts_due" in done.stdout
