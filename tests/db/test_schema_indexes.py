"""The indexes of the six shared tables: name, columns and condition, read from the catalogue."""

from collections import Counter

import pytest

from tests.db.schema_catalog import SELECT_INDEXES, SELECT_UNINDEXED_REFERENCES, run_sql

PENDING_STATES = (
    "((status)::text = ANY ((ARRAY['PROCESSING_UPLOAD'::character varying, "
    "'PROCESSING_DOWNLOAD'::character varying, "
    "'SEND_TO_USER_INBOX'::character varying])::text[]))"
)

EXPECTED_INDEXES = {
    "oauth_accounts": {
        "pk_oauth_accounts": "UNIQUE (id)",
        "uq_oauth_accounts_user_id_provider_open_id": "UNIQUE (user_id, provider, open_id)",
        "uq_oauth_accounts_live": "UNIQUE (provider, open_id) WHERE (disconnected_at IS NULL)",
        "idx_oauth_accounts_expires": "(expires_at)",
        "idx_oauth_accounts_refresh_due": (
            "(refresh_due_at) WHERE ((status)::text = 'ACTIVE'::text)"
        ),
        "idx_oauth_accounts_provider_status": "(provider, status)",
        "idx_oauth_accounts_updated": "(updated_at DESC)",
    },
    "tiktok_posts": {
        "pk_tiktok_posts": "UNIQUE (id)",
        "uq_tiktok_posts_publish_id": "UNIQUE (publish_id)",
        "uq_tiktok_posts_ledger_id": "UNIQUE (ledger_id)",
        "idx_tiktok_posts_user": "(user_id, created_at DESC)",
        "idx_tiktok_posts_status": f"(status, created_at) WHERE {PENDING_STATES}",
        "idx_tiktok_posts_oauth": "(oauth_account_id, created_at DESC)",
    },
    "instagram_accounts": {
        "pk_instagram_accounts": "UNIQUE (id)",
        "uq_instagram_accounts_ig_business_id": "UNIQUE (ig_business_id)",
        "idx_instagram_accounts_user": "(user_id)",
        "idx_instagram_accounts_oauth": "(oauth_account_id)",
        "idx_instagram_accounts_page": "(page_id)",
        "idx_instagram_accounts_sync": (
            "(last_synced_at NULLS FIRST) WHERE (disconnected_at IS NULL)"
        ),
    },
    "ig_media": {
        "pk_ig_media": "UNIQUE (id)",
        "uq_ig_media_ig_id": "UNIQUE (ig_id)",
        "uq_ig_media_ledger_id": "UNIQUE (ledger_id)",
        "idx_ig_media_account": '(instagram_account_id, "timestamp" DESC)',
        "idx_ig_media_timestamp": '("timestamp" DESC)',
        "idx_ig_media_insights_due": "(insights_due_at) WHERE (insights_due_at IS NOT NULL)",
    },
    "ig_comments": {
        "pk_ig_comments": "UNIQUE (id)",
        "uq_ig_comments_ig_id": "UNIQUE (ig_id)",
        "idx_ig_comments_media": '(ig_media_id, "timestamp" DESC)',
        "idx_ig_comments_timestamp": '("timestamp" DESC)',
        "idx_ig_comments_parent": "(parent_ig_id)",
    },
    "webhook_events": {
        "pk_webhook_events": "UNIQUE (id)",
        "uq_webhook_events_provider_external_id": "UNIQUE (provider, external_id)",
        "idx_webhook_events_provider": "(provider, event_type)",
        "idx_webhook_events_due": (
            "(next_attempt_at) WHERE ((processed_at IS NULL) AND (dead_at IS NULL))"
        ),
        "idx_webhook_events_processed": "(processed_at) WHERE (processed_at IS NOT NULL)",
        "idx_webhook_events_dead": "(dead_at) WHERE (dead_at IS NOT NULL)",
        "idx_webhook_events_created": "(created_at)",
    },
}


def load_indexes(url):
    """Shapes: table → index name → definition, as the catalogue writes it."""
    tables = {}
    for table, name, definition in run_sql(url, SELECT_INDEXES):
        unique = "UNIQUE " if definition.startswith("CREATE UNIQUE") else ""
        tables.setdefault(table, {})[name] = unique + definition.split(" USING ")[1].removeprefix(
            "btree "
        )
    return tables


@pytest.mark.parametrize("table", EXPECTED_INDEXES)
def test_each_expected_index_exists_under_its_name(database_url, table):
    indexes = load_indexes(database_url)[table]
    assert {name: indexes.get(name) for name in EXPECTED_INDEXES[table]} == EXPECTED_INDEXES[table]


def test_the_six_tables_have_37_indexes():
    counts = Counter({table: len(indexes) for table, indexes in EXPECTED_INDEXES.items()})
    assert sorted(counts.values()) == [5, 6, 6, 6, 7, 7]
    assert counts.total() == 37


def test_every_foreign_key_is_the_leading_column_of_an_index(database_url):
    assert run_sql(database_url, SELECT_UNINDEXED_REFERENCES) == []


def test_the_search_for_unindexed_foreign_keys_finds_one(database_url):
    run_sql(database_url, "DROP INDEX idx_posts_media")
    assert [row.name for row in run_sql(database_url, SELECT_UNINDEXED_REFERENCES)] == [
        "fk_posts_media_id"
    ]


def test_no_index_repeats_another(database_url):
    for table, indexes in load_indexes(database_url).items():
        definitions = [text.removeprefix("UNIQUE ") for text in indexes.values()]
        assert len(set(definitions)) == len(definitions), table
