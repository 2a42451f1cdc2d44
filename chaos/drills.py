"""Stages an incident on an installation, for operators to practise: `python -m chaos.drills NAME`.

It writes rows, or moves the folder for media files, as a real incident would leave them, into the
installation that the settings name; never in production. What to do then is in
docs/operate/incidents.md, which tests/flows/test_drills.py follows word for word.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import click
import psycopg2
from psycopg2.extensions import connection

REASON = "staged incident"
DELIVERY = (
    '{"client_key": "staged", "event": "staged", "create_time": 1770210873,'
    ' "user_openid": "staged", "content": "{}"}'
)
"""As TikTok sends it, about something that has no effect here."""

EVENTS = (
    "INSERT INTO webhook_events"
    " (provider, event_type, external_id, payload_json, next_attempt_at, status, dead_at,"
    " error_message) SELECT 'tiktok', 'staged', 'staged-' || gen_random_uuid(), %(delivery)s,"
    " %(due)s, %(status)s, %(dead)s, %(error)s FROM generate_series(1, %(count)s)"
)
REFUSED_REFRESHES = (
    "INSERT INTO attempts (kind, row_id, number, outcome, code, started_at)"
    " SELECT 'accounts', -n, 1, 'retry', 'invalid_credentials', now() - interval '5 minutes'"
    " FROM generate_series(1, 40) AS n"
)
UNREADABLE_SUFFIX = ".moved-by-a-drill"


class Drill(NamedTuple):
    """An incident: what begins it, and what ends whatever no command of ours can repair."""

    begin: Callable[[connection], None]
    end: Callable[[connection], None] | None = None


def stop_queue(database: connection) -> None:
    """Somebody paused the webhooks two hours ago; 150 events wait."""
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pauses (target, kind, reason, paused_at)"
            " VALUES ('webhooks', 'queue', %s, now() - interval '2 hours') ON CONFLICT DO NOTHING",
            (REASON,),
        )
    insert_events(database, 150, due="now() - interval '6 minutes'")


def poison_events(database: connection) -> None:
    """Events of another program's posts, and events that a fault of ours once refused."""
    unknown = "unknown_publication: no post has this id"
    insert_events(database, 8, status="dead", dead="now()", error=unknown)
    insert_events(database, 4, status="dead", dead="now()", error="INTERNAL_ERROR: a fault")


def insert_events(database: connection, count: int, **columns: str) -> None:
    """`due` and `dead` are SQL; `status` and `error` are values."""
    statement = EVENTS.replace("%(due)s", columns.get("due", "now()"))
    statement = statement.replace("%(dead)s", columns.get("dead", "NULL"))
    values = {
        "count": count,
        "delivery": DELIVERY,
        "status": columns.get("status", "pending"),
        "error": columns.get("error"),
    }
    with database.cursor() as cursor:
        cursor.execute(statement, values)


def refuse_refreshes(database: connection) -> None:
    """The platform refused the refreshes of 40 accounts a few minutes ago."""
    with database.cursor() as cursor:
        cursor.execute(REFUSED_REFRESHES)


def forget_refusals(database: connection) -> None:
    with database.cursor() as cursor:
        cursor.execute("DELETE FROM attempts WHERE kind = 'accounts' AND row_id < 0")


def make_read_only(database: connection) -> None:
    """The server that DATABASE_URL names has become a standby: it reads and does not write."""
    change_database(database, "SET default_transaction_read_only = on")


def make_writable(database: connection) -> None:
    change_database(database, "RESET default_transaction_read_only")


def change_database(database: connection, change: str) -> None:
    """Change a default of the database for sessions to come; those that are open end."""
    with database.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ WRITE")
        cursor.execute(f'ALTER DATABASE "{database.info.dbname}" {change}')
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def find_media_folder() -> Path:
    return Path(unquote(urlsplit(os.environ["MEDIA_URL"]).path))


def move_media(_database: connection) -> None:
    """The store takes no file: a file stands where its folder was."""
    folder = find_media_folder()
    folder.rename(folder.with_name(folder.name + UNREADABLE_SUFFIX))
    folder.touch()


def return_media(_database: connection) -> None:
    folder = find_media_folder()
    folder.unlink()
    folder.with_name(folder.name + UNREADABLE_SUFFIX).rename(folder)


DRILLS: Mapping[str, Drill] = {
    "stopped-queue": Drill(stop_queue),
    "poisoned-events": Drill(poison_events),
    "dead-token-wave": Drill(refuse_refreshes, forget_refusals),
    "lost-primary": Drill(make_read_only, make_writable),
    "full-media-store": Drill(move_media, return_media),
}


@click.command(help=__doc__)
@click.argument("name", type=click.Choice([*DRILLS]))
@click.option("--end", is_flag=True, help="End what lies outside signalpost.")
def main(*, name: str, end: bool) -> None:
    if os.environ.get("ENVIRONMENT") == "production":
        raise click.ClickException("never in production: this makes an incident")
    drill = DRILLS[name]
    act = drill.end if end else drill.begin
    if act is None:
        raise click.ClickException("nothing lies outside signalpost: repair it with its commands")
    database = psycopg2.connect(os.environ["DATABASE_URL"])
    try:
        with database:
            act(database)
    finally:
        database.close()
    click.echo(f"{name}: {'ended' if end else 'staged'}")


if __name__ == "__main__":
    main()
