"""Fills a database with the history of one user who has nearly all posts, and their records.

The rows are made by the database. All numbers follow from the number of posts.
"""

from psycopg2.extensions import connection, cursor

from bench.large_user_views import UserRows

OTHER_USERS = 20

INSERT_OTHER_USERS = f"""
INSERT INTO users (email, created_at)
  SELECT 'person' || n || '@example.org', now() - n * interval '1 minute'
    FROM generate_series(1, GREATEST({OTHER_USERS}, %(posts)s / 50)) AS n
"""  # noqa: S608 - a number of our own

INSERT_LOGINS = f"""
INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted, expires_at,
                            last_refreshed_at, metadata)
  SELECT owner.id, CASE n %% 2 WHEN 0 THEN 'tiktok' ELSE 'instagram' END,
         'open-' || owner.id || '-' || n, '', 'encrypted', now() + interval '9 days', now(),
         jsonb_build_object('display_name', 'Studio ' || n)
    FROM (SELECT id FROM users WHERE id = %(user)s
          UNION ALL
          (SELECT id FROM users WHERE id <> %(user)s ORDER BY id LIMIT {OTHER_USERS})) AS owner,
         generate_series(0, 3) AS n
   WHERE owner.id = %(user)s OR n < 2
"""  # noqa: S608 - a number of our own

INSERT_DESTINATIONS = """
INSERT INTO instagram_accounts (user_id, oauth_account_id, ig_business_id, username, access_level,
                                selected, last_synced_at)
  SELECT user_id, id, 'business-' || id || '-' || n, 'studio_' || id || '_' || n, 'FULL', true,
         now()
    FROM oauth_accounts, generate_series(0, 1) AS n WHERE provider = 'instagram' ORDER BY id, n
"""

INSERT_MEDIA = """
INSERT INTO media (user_id, filename, content_type, size, received, path, sha256, probe,
                   completed_at, inspected_at, expires_at, created_at)
  SELECT %(user)s, 'clip-' || n || '.mp4', 'video/mp4', 1000000 + n, 1000000 + n,
         'large/' || n, md5(n::text), '{}', at, at, now() + interval '5 days', at
    FROM generate_series(1, %(posts)s / 20) AS n,
         LATERAL (SELECT now() - interval '20 days' * (1 - n * 20.0 / %(posts)s) AS at) AS times
"""

INSERT_POSTS = """
WITH logins AS (
  SELECT id, user_id, provider,
         dense_rank() OVER (ORDER BY user_id <> %(user)s, user_id) - 1 AS owner,
         row_number() OVER (PARTITION BY user_id, provider ORDER BY id) - 1 AS number
    FROM oauth_accounts)
INSERT INTO posts (user_id, oauth_account_id, destination_id, provider, kind, source, sent_by,
                   title, payload_json, state, step, publish_id, platform_post_id,
                   platform_post_ids, permalink, publish_at, created_at, updated_at, started_at,
                   finished_at, has_slot, hold_reason, error_code, error_message, group_id, due_at,
                   idempotency_key)
  SELECT login.user_id, login.id, destination.id, login.provider,
         CASE WHEN login.provider = 'tiktok'
              THEN (ARRAY['DIRECT_VIDEO', 'INBOX_VIDEO', 'DIRECT_PHOTO'])[1 + n / 7 %% 3]
              ELSE (ARRAY['REELS', 'IMAGE', 'STORIES', 'CAROUSEL'])[1 + n / 7 %% 4] END,
         'FILE_UPLOAD', 'SIGNALPOST', 'clay and glaze ' || n || ' of spring #pottery',
         jsonb_build_object('privacy_level', 'PUBLIC_TO_EVERYONE'), state,
         CASE WHEN state = 'PUBLISHED' AND n %% 1499 = 0 THEN 'DELIVERED' END,
         CASE WHEN state NOT IN ('QUEUED', 'CANCELLED') THEN 'publish-' || n END,
         CASE WHEN state = 'PUBLISHED' THEN 'item-' || n END,
         CASE WHEN state = 'PUBLISHED' THEN ARRAY['item-' || n] ELSE '{}' END,
         CASE WHEN state = 'PUBLISHED' THEN 'https://example.org/p/' || n END,
         CASE WHEN state = 'QUEUED' THEN at WHEN n %% 3 = 0 THEN at + interval '2 hours' END,
         LEAST(at, now()), LEAST(at, now()),
         CASE WHEN state <> 'QUEUED' THEN at END,
         CASE WHEN state IN ('PUBLISHED', 'FAILED', 'CANCELLED') THEN at + interval '5 min' END,
         true, CASE WHEN state = 'QUEUED' AND n %% 10 = 0 THEN 'needs_reconnect' END,
         CASE WHEN state = 'FAILED' THEN 'media_rejected' END,
         CASE WHEN state = 'FAILED' THEN 'the platform refused the file' END,
         CASE WHEN n %% 20 < 2 THEN md5((n / 20)::text)::uuid END,
         CASE WHEN state = 'QUEUED' AND n %% 10 > 0 THEN at END,
         CASE WHEN n %% 2 = 0 THEN 'key-' || n END
    FROM generate_series(1, %(posts)s) AS n
   CROSS JOIN LATERAL (SELECT n > %(posts)s - %(posts)s / 500 AS is_queued) AS future
   CROSS JOIN LATERAL (SELECT CASE WHEN is_queued THEN 'QUEUED'
                              WHEN n > %(posts)s - %(posts)s / 500 - 10 THEN 'PROCESSING'
                              WHEN n %% 50 = 0 THEN 'FAILED' WHEN n %% 70 = 0 THEN 'CANCELLED'
                              ELSE 'PUBLISHED' END AS state) AS states
   CROSS JOIN LATERAL (SELECT now() + CASE
                    WHEN is_queued
                    THEN (n - %(posts)s + %(posts)s / 500) * interval '40 days' * 500 / %(posts)s
                    ELSE (n - %(posts)s + %(posts)s / 500) * %(days)s * interval '1 day' / %(posts)s
                  END AS at) AS times
    JOIN logins AS login
      ON login.owner = CASE WHEN n %% 100 = 99 THEN 1 + n / 100 %% 20 ELSE 0 END
     AND login.provider = CASE WHEN n %% 5 < 3 THEN 'tiktok' ELSE 'instagram' END
     AND login.number = CASE WHEN n %% 100 <> 99 AND n %% 3 = 1 THEN 1 ELSE 0 END
    LEFT JOIN (
         SELECT *, row_number() OVER (PARTITION BY oauth_account_id ORDER BY id) AS number
           FROM instagram_accounts) AS destination
      ON destination.oauth_account_id = login.id
     AND destination.number = CASE WHEN n < %(posts)s / 20 THEN 1 ELSE 2 END
   ORDER BY n
"""

INSERT_RECORDS = """
INSERT INTO tiktok_posts (user_id, oauth_account_id, ledger_id, publish_id, status, source, mode,
                          title, metadata, completed_at, created_at, updated_at)
  SELECT user_id, oauth_account_id, id, publish_id,
         CASE WHEN state = 'PROCESSING' THEN 'PROCESSING_UPLOAD' WHEN state = 'FAILED' THEN 'FAILED'
              WHEN step = 'DELIVERED' THEN 'SEND_TO_USER_INBOX' ELSE 'PUBLISH_COMPLETE' END,
         source, CASE WHEN kind LIKE 'INBOX%%' THEN 'INBOX' ELSE 'DIRECT' END, title,
         jsonb_build_object('publicaly_available_post_id', jsonb_build_array(platform_post_id)),
         finished_at, created_at, created_at
    FROM posts WHERE provider = 'tiktok' AND publish_id IS NOT NULL;
INSERT INTO tiktok_videos (user_id, oauth_account_id, video_id, title, posted_at, views, likes,
                           comments, shares, counted_at)
  SELECT user_id, oauth_account_id, platform_post_id, title, finished_at, id %% 9000, id %% 700,
         id %% 60, id %% 20, now()
    FROM posts WHERE provider = 'tiktok' AND state = 'PUBLISHED' AND step IS NULL;
INSERT INTO ig_media (instagram_account_id, ledger_id, ig_id, media_type, media_product_type,
                      caption, permalink, timestamp, metrics_json, like_count, comments_count)
  SELECT destination_id, id, platform_post_id, 'IMAGE', 'FEED', title, permalink, finished_at,
         jsonb_build_object('reach', id %% 9000, 'likes', id %% 700), id %% 700, id %% 60
    FROM posts WHERE provider = 'instagram' AND state = 'PUBLISHED';
INSERT INTO post_parts (post_id, position, role, handle, made_at)
  SELECT id, 0, 'video', 'container-' || id, started_at FROM posts
   WHERE provider = 'instagram' AND state <> 'QUEUED';
INSERT INTO post_events (post_id, at, kind, from_state, to_state)
  SELECT id, created_at + n * interval '1 min', 'state', NULL, state
    FROM posts, generate_series(0, 1) AS n;
INSERT INTO exchanges (post_id, attempt, endpoint, method, host, path, status, milliseconds,
                       request, answer, digest)
  SELECT id, 1, 'publish', 'POST', 'example.org', '/publish', 200, 90, '{}', '{}', md5(id::text)
    FROM posts WHERE publish_id IS NOT NULL ORDER BY id DESC LIMIT %(posts)s / 10
"""

INSERT_COMMENTS = """
INSERT INTO ig_comments (ig_media_id, ig_id, from_user, from_id, text, hidden, is_own, timestamp,
                         handled_at, handled_by)
  SELECT media.id, 'comment-' || media.id || '-' || n, 'visitor', 'v' || n,
         'What glaze is this? ' || media.id, n = 4, n = 3,
         media.timestamp + n * interval '1 hour',
         CASE WHEN media.id %% 50 > 0 THEN now() END,
         CASE WHEN media.id %% 50 > 0 THEN %(user)s END
    FROM ig_media AS media, generate_series(1, 2) AS n;
INSERT INTO ig_mentions (instagram_account_id, media_ig_id, text, from_user, timestamp, due_at,
                         fetched_at)
  SELECT (SELECT max(id) FROM instagram_accounts WHERE user_id = %(user)s), 'mention-' || n,
         'Look at this', 'visitor', now() - n * interval '1 min', NULL,
         now()
    FROM generate_series(1, %(posts)s / 100) AS n;
INSERT INTO metric_snapshots (provider, subject_type, subject_id, metric, value, taken_at)
  SELECT provider, subject_type, id, metric, taken * 3, now() - taken * interval '1 day'
    FROM (SELECT 'tiktok' AS provider, 'video' AS subject_type, id FROM (
            SELECT id FROM tiktok_videos ORDER BY id DESC LIMIT %(posts)s / 100) AS videos
          UNION ALL
          SELECT 'instagram', 'media', id FROM (
            SELECT id FROM ig_media ORDER BY id DESC LIMIT %(posts)s / 100) AS media) AS subjects,
         unnest(ARRAY['views', 'likes']) AS metric, generate_series(1, 5) AS taken
"""

INSERT_MESSAGES = """
INSERT INTO notifications (user_id, kind, cause, payload, read_at, created_at)
  SELECT %(user)s, 'post.failed', 'post-' || n, jsonb_build_object('post_id', n),
         CASE WHEN n < %(posts)s / 5 - 300 THEN now() END,
         now() - (%(posts)s / 5 - n) * interval '1 min'
    FROM generate_series(1, %(posts)s / 5) AS n;
INSERT INTO endpoints (user_id, url, events)
  VALUES (%(user)s, 'https://example.org/hook', ARRAY['post.*']);
INSERT INTO outbox (user_id, name, type, subject, sequence, body, created_at)
  SELECT %(user)s, 'message-' || n, 'post.published', 'post-' || n, 1, '{}',
         now() - n * interval '1 s'
    FROM generate_series(1, %(posts)s / 10) AS n;
INSERT INTO deliveries (message_id, endpoint_id, delivered_at, dead_at, due_at, created_at)
  SELECT message.id, endpoint.id,
         CASE WHEN message.id %% 100 > 0 THEN message.created_at END,
         CASE WHEN message.id %% 100 = 0 THEN message.created_at END, NULL, message.created_at
    FROM outbox AS message, endpoints AS endpoint;
INSERT INTO delivery_tries (delivery_id, number, started_at, milliseconds, status)
  SELECT id, 1, created_at, 90, CASE WHEN dead_at IS NULL THEN 200 ELSE 500 END FROM deliveries;
INSERT INTO audit_log (user_id, actor, action, subject, details, at)
  SELECT CASE WHEN n %% 4 > 0 THEN %(user)s END, 'person', 'post.cancelled', 'post-' || n, '{}',
         now() - n * interval '1 min'
    FROM generate_series(1, %(posts)s / 5) AS n
"""

INSERT_OPERATIONS = """
INSERT INTO webhook_events (provider, event_type, vendor_event, external_id, account, publish_id,
                            payload_json, status, processed_at, dead_at, next_attempt_at,
                            error_message, verdict, created_at)
  SELECT 'tiktok', (ARRAY['video.publish.complete', 'video.upload.failed'])[1 + n %% 2],
         'post.publish.complete', 'event-' || n, 'open-' || n %% 40, 'publish-' || n,
         '{"event": "post.publish.complete"}', CASE WHEN is_dead THEN 'dead' ELSE 'done' END,
         CASE WHEN NOT is_dead THEN at END, CASE WHEN is_dead THEN at END, NULL,
         CASE WHEN is_dead THEN 'no such post' END, 'valid', at
    FROM generate_series(1, %(posts)s / 2) AS n,
         LATERAL (SELECT n %% 200 = 0 AS is_dead,
                         now() - n * interval '29 days' * 2 / %(posts)s AS at) AS ends;
INSERT INTO attempts (kind, row_id, number, started_at, ended_at, outcome)
  SELECT 'posts', n, 1, at, at + interval '80 ms', 'done'
    FROM generate_series(1, %(posts)s / 2) AS n,
         LATERAL (SELECT now() - n * interval '13 days' * 2 / %(posts)s AS at) AS times;
INSERT INTO calls (oauth_account_id, endpoint, at)
  SELECT (SELECT min(id) FROM oauth_accounts WHERE user_id = %(user)s), 'publish_status',
         now() - n * interval '1 day' * 2 / %(posts)s
    FROM generate_series(1, %(posts)s / 2) AS n
"""

SELECT_USER_ROWS = """
SELECT (SELECT min(id) FROM oauth_accounts WHERE user_id = %(user)s AND provider = 'tiktok'),
       destination.oauth_account_id, destination.id, newest.id, middle.id, first_id,
       to_char(first_at, 'YYYY-MM-DD'), to_char(middle.created_at, 'YYYY-MM-DD'),
       (SELECT group_id::text FROM posts WHERE user_id = %(user)s AND group_id IS NOT NULL
         ORDER BY id DESC LIMIT 1),
       %(user)s
  FROM (SELECT * FROM instagram_accounts WHERE user_id = %(user)s ORDER BY id LIMIT 1)
         AS destination,
       (SELECT * FROM posts WHERE user_id = %(user)s AND state = 'PUBLISHED'
         ORDER BY id DESC LIMIT 1) AS newest,
       (SELECT min(id) + 30 AS first_id, min(created_at) AS first_at, avg(id) AS middle_id
          FROM posts WHERE user_id = %(user)s) AS ends,
       LATERAL (SELECT * FROM posts WHERE user_id = %(user)s AND id > middle_id
                 ORDER BY id LIMIT 1) AS middle
"""

STATEMENTS = (
    INSERT_OTHER_USERS,
    INSERT_LOGINS,
    INSERT_DESTINATIONS,
    INSERT_MEDIA,
    INSERT_POSTS,
    INSERT_RECORDS,
    INSERT_COMMENTS,
    INSERT_MESSAGES,
    INSERT_OPERATIONS,
)


SELECT_PLAIN_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
 WHERE relnamespace = 'public'::regnamespace AND NOT indisunique
"""
COUNT_POSTS = """
INSERT INTO post_days (user_id, account_id, provider, starts_at, state, n)
  SELECT user_id, oauth_account_id, provider,
         date_bin('15 minutes', COALESCE(publish_at, created_at), '2000-01-01Z'), state, count(*)
    FROM posts GROUP BY 1, 2, 3, 4, 5
"""


def insert_large_user(database: connection, *, user_id: int, posts: int, days: int) -> None:
    """Insert the posts of so many days and what belongs to them; commits.

    Takes half a minute for 100,000 posts with all indexes and triggers in place.
    """
    with database, database.cursor() as cursor:
        insert_rows(cursor, user_id=user_id, posts=posts, days=days)


def insert_large_user_fast(database: connection, *, user_id: int, posts: int, days: int) -> None:
    """Do the same as superuser, without triggers, and build the indexes at the end; commits.

    Takes three minutes for a million posts.
    """
    with database, database.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute(SELECT_PLAIN_INDEXES)
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
        insert_rows(cursor, user_id=user_id, posts=posts, days=days)
        cursor.execute(COUNT_POSTS)
        for _name, definition in indexes:
            cursor.execute(definition)


def insert_rows(opened: cursor, *, user_id: int, posts: int, days: int) -> None:
    for statement in STATEMENTS:
        opened.execute(statement, {"user": user_id, "posts": posts, "days": days})


def find_user_rows(database: connection, user_id: int) -> UserRows:
    """Find rows of the user that filters can name."""
    with database.cursor() as cursor:
        cursor.execute(SELECT_USER_ROWS, {"user": user_id})
        row = cursor.fetchone()
    assert row
    return UserRows(*row)


def analyze_tables(database: connection) -> None:
    """Bring statistics and visibility up to date, as autovacuum does between two views."""
    database.autocommit = True  # VACUUM cannot run in a transaction
    with database.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
