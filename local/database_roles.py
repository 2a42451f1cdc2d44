"""The roles of the embedded Postgres: the tables' owner, and the application without its rights.

The superuser that made the cluster is used for this alone.
"""

from collections.abc import Mapping

from psycopg2 import sql
from psycopg2.extensions import cursor

from local.databases import Databases

OWNER_ROLE = "signalpost_owner"
APPLICATION_ROLE = "signalpost"

ROLE_OPTIONS: Mapping[str, str] = {
    APPLICATION_ROLE: "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION",
    OWNER_ROLE: "LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION",
}
OWNER_MEMBERSHIPS = (APPLICATION_ROLE, "pg_monitor", "pg_signal_backend")
"""What operators need besides the tables: to see all sessions, and to end them."""

ROLE_EXISTS_SQL = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)"

TAKE_OBJECTS_SQL = """
DO $$
DECLARE
  object record;
BEGIN
  FOR object IN
    SELECT class.oid::regclass AS name FROM pg_class AS class
     WHERE class.relnamespace = 'public'::regnamespace
       AND class.relkind IN ('r', 'p', 'v', 'm', 'S')
       AND class.relowner <> '{owner}'::regrole AND NOT EXISTS (
         SELECT FROM pg_depend
          WHERE objid = class.oid AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i', 'e'))
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO {owner}', object.name);
  END LOOP;
  FOR object IN
    SELECT proc.oid::regprocedure AS name FROM pg_proc AS proc
     WHERE proc.pronamespace = 'public'::regnamespace AND proc.proowner <> '{owner}'::regrole
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = proc.oid AND deptype = 'e')
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', object.name);
  END LOOP;
END $$
"""


def ensure_roles(server: Databases, passwords: Mapping[str, str]) -> None:
    """Create both roles, or set their passwords again.

    Shapes: `server` connects as superuser; `passwords` by role.
    """
    with server.open_cursor() as cur:
        for role, options in ROLE_OPTIONS.items():
            cur.execute(ROLE_EXISTS_SQL, (role,))
            verb = "ALTER" if cur.fetchone() == (True,) else "CREATE"
            statement = sql.SQL(f"{verb} ROLE {{}} {options} PASSWORD {{}}")
            cur.execute(statement.format(sql.Identifier(role), sql.Literal(passwords[role])))
        for group in OWNER_MEMBERSHIPS:
            grant = sql.SQL("GRANT {} TO {}")
            cur.execute(grant.format(sql.Identifier(group), sql.Identifier(OWNER_ROLE)))


def ensure_owned_database(server: Databases, database: Databases, name: str) -> None:
    """Create the database, or hand one that the superuser owns to the owner's role.

    Shapes: `server` and `database` connect as superuser, the latter to this database.
    """
    if not server.exists(name):
        server.create(name, owner=OWNER_ROLE)
        return
    with database.open_cursor() as cur:
        take_ownership(cur, name)


def take_ownership(cur: cursor, name: str) -> None:
    owner = sql.Identifier(OWNER_ROLE)
    cur.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(name), owner))
    cur.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(owner))
    cur.execute(TAKE_OBJECTS_SQL.format(owner=OWNER_ROLE))
