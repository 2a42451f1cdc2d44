"""The roles of the embedded Postgres: no process of ours connects as the owner or a superuser."""

import os
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from db import migrations
from local.database_roles import APPLICATION_ROLE, OWNER_ROLE
from local.postgres import find_binaries

ROLE_SCRIPT = Path(__file__).parents[2] / "deploy/postgres-roles.sh"
SCRIPT_ROLES = {"signalpost_owner": "owner-password", "signalpost_app": "app-password"}
SESSIONS_SQL = """
SELECT DISTINCT usename, rolsuper FROM pg_stat_activity JOIN pg_roles ON rolname = usename
 WHERE application_name LIKE 'signalpost-%%'
"""


def test_processes_connect_as_the_application_and_operators_as_the_owner(stack, api_user):
    api_user.wait_until_final(api_user.publish_file())
    assert stack.query(SESSIONS_SQL) == [("signalpost", False)]
    assert stack.query(
        "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
    ) == [("signalpost_owner", False)]


@pytest.mark.parametrize("verb", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"])
def test_not_even_the_owner_changes_the_audit_log(stack, api_user, verb):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        stack.query(verb)


def test_the_folder_of_an_earlier_version_is_handed_over_to_the_owner(postgres_server):
    server = postgres_server()
    server.databases.create("signalpost")
    migrations.upgrade_schema(server.dsn("signalpost"))  # as a superuser, as it used to be
    for _ in range(2):
        server.create_roles()
        server.create_owned_database("signalpost")
    owner = server.dsn("signalpost", role=OWNER_ROLE)
    migrations.downgrade_schema(owner, "0018")
    assert_works_with_rows_only(owner, server.dsn("signalpost", role=APPLICATION_ROLE))


def assert_works_with_rows_only(owner, application):
    migrations.upgrade_schema(owner, application_url=application)
    with closing(psycopg2.connect(application)) as connection, connection.cursor() as cur:
        cur.execute("INSERT INTO users (email) VALUES ('alice@example.org')")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cur.execute("DELETE FROM audit_log")


def test_the_script_of_compose_makes_both_roles_also_in_an_older_database(postgres_server):
    server = postgres_server()
    server.databases.create("signalpost")
    migrations.upgrade_schema(server.dsn("signalpost"))  # as a superuser, as it used to be
    for _ in range(2):
        run_role_script(server)
    owner, application = (
        server.dsn("signalpost").replace(f"app:{server.password}@", f"{role}:{password}@")
        for role, password in SCRIPT_ROLES.items()
    )
    assert_works_with_rows_only(owner, application)


def run_role_script(server):
    owner_password, application_password = SCRIPT_ROLES.values()
    environment = {
        "PATH": f"{find_binaries(None)}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGPASSWORD": server.password,
        "POSTGRES_USER": "app",
        "POSTGRES_OWNER_PASSWORD": owner_password,
        "POSTGRES_APP_PASSWORD": application_password,
    }
    subprocess.run(["sh", ROLE_SCRIPT], env=environment, check=True)
