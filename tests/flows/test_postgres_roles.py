"""The roles of the embedded Postgres: no process of ours connects as the owner or a superuser."""

import psycopg2
import pytest

pytestmark = pytest.mark.timeout(120)

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
