"""People, accounts and posts in a database, and a world that speaks to a URL."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, update

from core.config.settings import Settings
from core.crypto import access_context, generate_key, refresh_context
from core.wiring import build_world
from db.accounts import Account
from db.grants import Grants
from db.notices import Notification
from db.posts import Post
from db.session import Database
from db.users import User
from platforms.secret import Secret

HOUR = timedelta(hours=1)
SCOPES = "user.info.basic,video.upload"


def environ_of(database_url, platform_url, **environ):
    """The settings of a house whose TikTok is at `platform_url`."""
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


def a_world(database_url, platform_url, **environ):
    """The real one of that house; its bells go nowhere."""
    settings = Settings.from_env(environ_of(database_url, platform_url, **environ))
    return build_world(settings, ring=lambda _kind: None)


@dataclass
class Tenants:
    """Puts rows into a database and looks at what became of them."""

    database: Database
    keys: object = None

    def a_user(self):
        with self.database.transaction() as session:
            user = User(email=f"{secrets.token_hex(6)}@example.org")
            session.add(user)
            session.flush()
            return user.id

    def an_account(self, user_id=None, *, lasts=HOUR, refresh="rft.old", **columns):
        """One whose access token `act.old` lasts so long; due for refresh if it is over."""
        user_id = user_id or self.a_user()
        open_id = columns.pop("open_id", "-000" + secrets.token_hex(8))
        who = ("tiktok", open_id, user_id)
        usual = {
            "scope": SCOPES,
            "due_at": Grants.now() + max(lasts, timedelta(0)),
            "refresh_expires_at": func.now() + 100 * HOUR,
        }
        with self.database.transaction() as session:
            account = Account(
                user_id=user_id,
                provider="tiktok",
                open_id=open_id,
                access_token_encrypted=self.keys.seal(Secret("act.old"), access_context(*who)),
                refresh_token_encrypted=refresh
                and self.keys.seal(Secret(refresh), refresh_context(*who)),
                expires_at=func.now() + lasts,
                **{**usual, **columns},
            )
            session.add(account)
            session.flush()
            return account.id

    def a_post(self, account_id, **columns):
        """A queued draft, due now unless said otherwise."""
        account = self.account(account_id)
        usual = {
            "provider": "tiktok",
            "kind": "INBOX_VIDEO",
            "source": "FILE_UPLOAD",
            "sent_by": "SIGNALPOST",
            "due_at": func.now(),
        }
        with self.database.transaction() as session:
            values = {**usual, **columns}
            post = Post(user_id=account.user_id, oauth_account_id=account_id, **values)
            session.add(post)
            session.flush()
            return post.id

    def account(self, account_id):
        return self._one(select(Account).where(Account.id == account_id))

    def post(self, post_id):
        return self._one(select(Post).where(Post.id == post_id))

    def change(self, account_id, **columns):
        with self.database.transaction() as session:
            changed = update(Account).where(Account.id == account_id).values(**columns)
            session.execute(changed, execution_options={"synchronize_session": False})

    def due_again(self, account_id):
        """As if its time had come."""
        self.change(account_id, due_at=func.now())

    def tokens(self, account_id):
        """Its two tokens, opened."""
        account = self.account(account_id)
        who = (account.provider, account.open_id, account.user_id)
        sealed = {
            access_context(*who): account.access_token_encrypted,
            refresh_context(*who): account.refresh_token_encrypted,
        }
        return tuple(
            text and self.keys.open(text, context).reveal() for context, text in sealed.items()
        )

    def notices(self, user_id):
        with self.database.transaction() as session:
            found = select(Notification).where(Notification.user_id == user_id)
            return list(session.scalars(found.order_by(Notification.id)))

    def _one(self, wanted):
        with self.database.transaction() as session:
            return session.scalars(wanted).one()
