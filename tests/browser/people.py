"""People with accounts and posts of their own, beside the user of the stack."""

from itertools import count

from tests.browser.conftest import sign_in

INSERT_PERSON = """INSERT INTO users (email, password_hash, time_zone)
  SELECT %s, password_hash, 'UTC' FROM users WHERE email = %s RETURNING id"""
INSERT_ACCOUNT = """INSERT INTO oauth_accounts
    (user_id, provider, open_id, scope, metadata, expires_at, refresh_expires_at,
    access_token_encrypted, refresh_token_encrypted)
  SELECT %s, provider, %s, scope, jsonb_build_object('display_name', %s::text),
    now() + interval '1 day', now() + interval '200 days',
    access_token_encrypted, refresh_token_encrypted
    FROM oauth_accounts WHERE provider = 'tiktok' ORDER BY id LIMIT 1 RETURNING id"""
INSERT_POST_OF_PERSON = """INSERT INTO posts
    (user_id, oauth_account_id, provider, kind, source, sent_by, title, state)
  SELECT user_id, id, provider, 'INBOX_VIDEO', 'PULL_FROM_URL', 'PLATFORM', %s, %s
    FROM oauth_accounts WHERE id = %s RETURNING id"""
INSERT_STARTED_DRAFT = """INSERT INTO tiktok_posts
    (ledger_id, user_id, oauth_account_id, publish_id, status, source, mode, title, created_at)
  SELECT id, user_id, oauth_account_id, 'of-person-' || id, 'PROCESSING_UPLOAD', 'PULL_FROM_URL',
    'INBOX', title, %s FROM posts WHERE id = %s"""
INSERT_VIDEO = """INSERT INTO tiktok_videos (user_id, oauth_account_id, video_id, title, posted_at)
  VALUES (%s, %s, 'video-of-' || %s, 'Public', now() - interval '50 days') RETURNING id"""
INSERT_VIEWS = """INSERT INTO metric_snapshots
    (provider, subject_type, subject_id, metric, value, taken_at)
  VALUES ('tiktok', 'video', %s, 'views', %s, now() - %s * interval '1 day')"""
DELETE_PERSON = (
    "DELETE FROM tiktok_videos WHERE user_id = %s",
    "DELETE FROM tiktok_posts WHERE user_id = %s",
    "DELETE FROM posts WHERE user_id = %s",
    "DELETE FROM oauth_accounts WHERE user_id = %s",
    "DELETE FROM users WHERE id = %s",
)
NUMBERS = count(1)


class BrowserUser:
    """A user who is not the operator, with the password of the stack's user."""

    def __init__(self, stack):
        self.stack = stack
        self.email = f"person-{next(NUMBERS)}@example.org"
        self.id = stack.query_value(INSERT_PERSON, self.email, stack.info["user"])

    def sign_in(self, page):
        return sign_in(page, {**self.stack.info, "user": self.email})

    def add_account(self, name="Nora"):
        """Insert a TikTok account whose tokens nobody uses."""
        return self.stack.query_value(INSERT_ACCOUNT, self.id, f"{self.email}-{name}", name)

    def add_post(self, account_id, title, state="QUEUED", **columns):
        """Insert a post that no worker claims, as its `due_at` is empty."""
        post_id = self.stack.query_value(INSERT_POST_OF_PERSON, title, state, account_id)
        for name, value in columns.items():
            self.stack.query(f"UPDATE posts SET {name} = %s WHERE id = %s", value, post_id)
        return post_id

    def add_unfinished_draft(self, account_id, title, started_at):
        """Insert a post that takes a place in the quota until a day after `started_at`."""
        post_id = self.add_post(account_id, title, "UNCONFIRMED", has_slot=True)
        self.stack.query(INSERT_STARTED_DRAFT, started_at, post_id)
        return post_id

    def add_video(self, account_id, views):
        """Insert a public video with its views, by how many days ago they were read."""
        video_id = self.stack.query_value(INSERT_VIDEO, self.id, account_id, self.id)
        for days, number in views.items():
            self.stack.query(INSERT_VIEWS, video_id, number, days)

    def delete(self):
        for statement in DELETE_PERSON:
            self.stack.query(statement, self.id)
