"""Queries of the Postgres catalogue about our schema."""

from contextlib import contextmanager

from sqlalchemy import create_engine, text

from tests.servers import owner_url

SELECT_INDEXES = """
SELECT tablename, indexname, indexdef FROM pg_indexes
 WHERE schemaname = current_schema() AND tablename <> 'alembic_version'
"""

SELECT_COLUMNS = """
SELECT class.relname AS table_name, attribute.attname AS column_name,
       format_type(attribute.atttypid, attribute.atttypmod) AS type,
       attribute.attnotnull AS required, attribute.attidentity AS identity,
       pg_get_expr(default_value.adbin, default_value.adrelid) AS default_value,
       col_description(class.oid, attribute.attnum) AS comment
  FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
  LEFT JOIN pg_attrdef AS default_value
         ON default_value.adrelid = class.oid AND default_value.adnum = attribute.attnum
 WHERE class.relnamespace = current_schema()::regnamespace AND class.relkind = 'r'
   AND attribute.attnum > 0 AND NOT attribute.attisdropped AND class.relname <> 'alembic_version'
"""

SELECT_CONSTRAINTS = """
SELECT conrelid::regclass::text AS table_name, conname AS name,
       pg_get_constraintdef(oid) AS definition
  FROM pg_constraint
 WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
   AND conrelid::regclass::text <> 'alembic_version'
"""

SELECT_UNINDEXED_REFERENCES = """
SELECT conrelid::regclass::text AS table_name, conname AS name FROM pg_constraint AS reference
 WHERE contype = 'f' AND connamespace = current_schema()::regnamespace AND NOT EXISTS (
   SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])
"""

SELECT_STORAGE_OPTIONS = """
SELECT relname AS name, unnest(reloptions) AS option FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
"""

SELECT_TABLE_COMMENTS = """
SELECT relname AS name, obj_description(oid, 'pg_class') AS comment FROM pg_class
 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
   AND relname <> 'alembic_version'
"""


@contextmanager
def connect(url):
    """Connect as the owner of the tables."""
    engine = create_engine(owner_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def run_sql(url, query, **values):
    with connect(url) as connection:
        result = connection.execute(text(query), values)
        return result.all() if result.returns_rows else []


def insert_user_and_post(url):
    run_sql(url, "INSERT INTO users (email) VALUES ('alice@example.org')")
    run_sql(
        url,
        "INSERT INTO oauth_accounts"
        " (user_id, provider, open_id, scope, access_token_encrypted, expires_at)"
        " SELECT id, 'tiktok', 'open', 'video.upload', 'encrypted', now() + interval '30 min'"
        " FROM users",
    )
    run_sql(
        url,
        "INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by)"
        " SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST'"
        " FROM oauth_accounts",
    )
