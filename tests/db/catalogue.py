"""What Postgres itself says about our schema."""

from contextlib import contextmanager

from sqlalchemy import create_engine, text

INDEXES = """
SELECT tablename, indexname, indexdef FROM pg_indexes
 WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
"""

COLUMNS = """
SELECT class.relname AS table_name, attribute.attname AS column_name,
       format_type(attribute.atttypid, attribute.atttypmod) AS type,
       attribute.attnotnull AS required, attribute.attidentity AS identity,
       pg_get_expr(preset.adbin, preset.adrelid) AS preset,
       col_description(class.oid, attribute.attnum) AS comment
  FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
  LEFT JOIN pg_attrdef AS preset
         ON preset.adrelid = class.oid AND preset.adnum = attribute.attnum
 WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind = 'r'
   AND attribute.attnum > 0 AND class.relname <> 'alembic_version'
"""

CONSTRAINTS = """
SELECT conrelid::regclass::text AS table_name, conname AS name,
       pg_get_constraintdef(oid) AS definition
  FROM pg_constraint
 WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
   AND conrelid::regclass::text <> 'alembic_version'
"""

UNINDEXED = """
SELECT conrelid::regclass::text AS table_name, conname AS name FROM pg_constraint AS reference
 WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND NOT EXISTS (
   SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])
"""

STORAGE = """
SELECT relname AS name, unnest(reloptions) AS said FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""

TABLES = """
SELECT relname AS name, obj_description(oid, 'pg_class') AS comment FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
   AND relname <> 'alembic_version'
"""


@contextmanager
def connected(url):
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def ask(url, question, **values):
    with connected(url) as connection:
        result = connection.execute(text(question), values)
        return result.all() if result.returns_rows else []


def a_user_with_a_post(url):
    ask(url, "INSERT INTO users (email) VALUES ('alice@example.org')")
    ask(
        url,
        "INSERT INTO oauth_accounts"
        " (user_id, provider, open_id, scope, access_token_encrypted, expires_at)"
        " SELECT id, 'tiktok', 'open', 'video.upload', 'sealed', now() + interval '30 min'"
        " FROM users",
    )
    ask(
        url,
        "INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by)"
        " SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST'"
        " FROM oauth_accounts",
    )
