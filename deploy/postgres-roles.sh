#!/bin/sh
# Creates the two roles of signalpost: the owner of the tables, for migrations, and the application's,
# which works with rows and nothing else. Runs once when the volume of Postgres is new; it can be
# repeated, also to set other passwords or for a volume that is older than this file:
#   docker compose exec postgres sh /docker-entrypoint-initdb.d/roles.sh
# Passwords come from the environment, because any user can read a process's arguments.
set -eu
: "${POSTGRES_OWNER_PASSWORD:?is missing}" "${POSTGRES_APP_PASSWORD:?is missing}"

psql -X -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-signalpost}" <<'SQL'
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv app_password POSTGRES_APP_PASSWORD
SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['signalpost_owner', 'signalpost_app']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE signalpost_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';
ALTER ROLE signalpost_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
GRANT signalpost_app, pg_monitor, pg_signal_backend TO signalpost_owner;
ALTER DATABASE :"DBNAME" OWNER TO signalpost_owner;
ALTER SCHEMA public OWNER TO signalpost_owner;
-- What a superuser made before these roles existed.
SELECT format('ALTER TABLE %s OWNER TO signalpost_owner', class.oid::regclass)
  FROM pg_class AS class
 WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p', 'v', 'm', 'S')
   AND NOT EXISTS (
     SELECT FROM pg_depend
      WHERE objid = class.oid AND classid = 'pg_class'::regclass AND deptype IN ('a', 'i', 'e')) \gexec
SELECT format('ALTER FUNCTION %s OWNER TO signalpost_owner', proc.oid::regprocedure)
  FROM pg_proc AS proc
 WHERE proc.pronamespace = 'public'::regnamespace
   AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = proc.oid AND deptype = 'e') \gexec
SQL
