"""Migrates the database of a local stack and creates its development user: a process of its own.

The supervisor starts it, and keeps none of the 120 MiB that tables and migrations take. Its input
is one line of JSON with the settings, its output one line with the developer or the failure.
"""

import json
import sys
from dataclasses import asdict
from typing import Any

from app.cli.command_line import FAILURE_CAUSES
from app.cli.command_sources import load_object
from core.config.settings import Settings
from db import migrations
from db.session import Database
from local.dev_user import create_developer


def main() -> None:
    """Wait for the settings, and do it. If they never come there is nothing to do."""
    line = sys.stdin.readline()
    if line:
        print(json.dumps(answer_request(json.loads(line))), flush=True)


def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """Shapes: `environment` and `password` (None: no development user) → `developer` or `failure`.

    An error of our own ends the process, with its traceback in the log.
    """
    try:
        developer = set_up_database(request["environment"], request["password"])
    except Exception as error:
        failure = load_object(FAILURE_CAUSES)(error)
        if failure is None:
            raise
        return {"failure": asdict(failure)}
    return {"developer": developer}


def set_up_database(environment: dict[str, str], password: str | None) -> dict[str, str] | None:
    settings = Settings.from_env(environment)
    migrations.upgrade_schema(settings.migration_url, application_url=settings.database_url)
    if password is None:
        return None
    database = Database(settings.database_url, pool_size=1, application_name="signalpost up")
    try:
        return asdict(create_developer(database, password))
    finally:
        database.dispose()


if __name__ == "__main__":
    main()
