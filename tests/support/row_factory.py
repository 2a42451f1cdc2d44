"""Test rows (users, accounts, posts), and `Services` whose TikTok is at a given URL."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update

from core.bootstrap import build_services
from core.config.settings import Settings
from core.crypto import access_token_context, refresh_token_context
from core.encryption_keys import generate_key
from db.accounts.accounts import Account
from db.accounts.grants import Grants
from db.identity.notifications import Notification
from db.identity.users import User
from db.posts.posts import Post
from db.session import Database
from platforms.secret import Secret

HOUR = timedelta(hours=1)
ACCOUNT_SCOPES = "user.info.basic,video.upload"


def make_environ(database_url, platform_url, **environ):
    """The environment of an app whose TikTok is at `platform_url`."""
    return {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "a-secret-key-of-the-tests",
        "TOKEN_ENCRYPTION_KEY": generate_key(),
        "TIKTOK_CLIENT_KEY": "sbaw_demo",
        "TIKTOK_CLIENT_SECRET": "secret_canary",
        "TIKTOK_REDIRECT_URI": "http://127.0.0.1:9/callback",
        "TIKTOK_AUTH_BASE_URL": platform_url,
        "TIKTOK_API_BASE_URL": platform_url,
        "TIKTOK_APP_AUDITED": "on",
        **environ,
    }


def make_services(database_url, platform_url, **environ):
    """Real services with these settings; wake-ups are dropped."""
    settings = Settings.from_env(make_environ(database_url, platform_url, **environ))
    return build_services(settings, wake=lambda _kind: None)


@dataclass
class RowFactory:
    """Inserts rows and reads them back."""

    database: Database
    keys: object = None

    def create_user(self):
        with self.database.transaction() as session:
            user = User(email=f"{secrets.token_hex(6)}@example.org")
            session.add(user)
            session.flush()
            return user.id

    def create_account(self, user_id=None, *, lasts=HOUR, refresh="rft.old", **columns):
        """Create an account whose access token lasts that long; due for refresh if it is over."""
        user_id = user_id or self.create_user()
        open_id = columns.pop("open_id", "-000" + secrets.token_hex(8))
        context_args = ("tiktok", open_id, user_id)
        defaults = {
            "scope": ACCOUNT_SCOPES,
            "due_at": Grants.now() + max(lasts, timedelta(0)),
            "refresh_expires_at": func.now() + 100 * HOUR,
        }
        with self.database.transaction() as session:
            account = Account(
                user_id=user_id,
                provider="tiktok",
                open_id=open_id,
                access_token_encrypted=self.keys.encrypt(
                    Secret("act.old"), access_token_context(*context_args)
                ),
                refresh_token_encrypted=refresh
                and self.keys.encrypt(Secret(refresh), refresh_token_context(*context_args)),
                expires_at=func.now() + lasts,
                **{**defaults, **columns},
            )
            session.add(account)
            session.flush()
            return account.id

    def create_post(self, account_id, **columns):
        """A queued draft, due now unless said otherwise."""
        account = self.account(account_id)
        defaults = {
            "provider": "tiktok",
            "kind": "INBOX_VIDEO",
            "source": "FILE_UPLOAD",
            "sent_by": "SIGNALPOST",
            "due_at": func.now(),
        }
        with self.database.transaction() as session:
            values = {**defaults, **columns}
            post = Post(user_id=account.user_id, oauth_account_id=account_id, **values)
            session.add(post)
            session.flush()
            return post.id

    def account(self, account_id):
        return self._fetch_one(select(Account).where(Account.id == account_id))

    def post(self, post_id):
        return self._fetch_one(select(Post).where(Post.id == post_id))

    def update_account(self, account_id, **columns):
        with self.database.transaction() as session:
            statement = update(Account).where(Account.id == account_id).values(**columns)
            session.execute(statement, execution_options={"synchronize_session": False})

    def make_account_due(self, account_id):
        """Make the account due for refresh now."""
        self.update_account(account_id, due_at=func.now())

    def decrypted_tokens(self, account_id):
        """The account's access and refresh token, decrypted."""
        account = self.account(account_id)
        context_args = (account.provider, account.open_id, account.user_id)
        encrypted = {
            access_token_context(*context_args): account.access_token_encrypted,
            refresh_token_context(*context_args): account.refresh_token_encrypted,
        }
        return tuple(
            text and self.keys.decrypt(text, context).reveal()
            for context, text in encrypted.items()
        )

    def load_notifications(self, user_id):
        with self.database.transaction() as session:
            statement = select(Notification).where(Notification.user_id == user_id)
            return list(session.scalars(statement.order_by(Notification.id)))

    def _fetch_one(self, statement):
        with self.database.transaction() as session:
            return session.scalars(statement).one()
