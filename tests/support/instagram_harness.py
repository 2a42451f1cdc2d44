"""`InstagramHarness`: publishes posts of a destination against the Instagram sandbox."""

from dataclasses import dataclass

from sqlalchemy import func, select

from core.crypto import access_token_context, destination_token_context
from db.accounts.accounts import Account
from db.accounts.grants import Grants
from db.posts.parts import PostParts
from db.posts.posts import Posts, SentBy
from db.posts.timeline import PostEvents
from db.records.instagram_tables import IgMedia, InstagramAccount
from platforms.sandbox.app import create_app
from platforms.sandbox.instagram.state import InstagramState, MetaApp
from platforms.sandbox.server import SandboxServer
from platforms.sandbox.state import SandboxState
from platforms.sandbox.tiktok.state import TikTokState
from platforms.secret import Secret
from tests.platforms.instagram_publishing_client import FAST_SETTINGS
from tests.platforms.raw_sandbox_client import RawSandboxClient
from tests.support.row_factory import HOUR
from tests.support.step_platform import StepHarness

PROVIDER = "instagram"
FACEBOOK_APP, INSTAGRAM_APP = MetaApp("1021", "facebooksecret"), MetaApp("2021", "instagramsecret")
IMAGE = {"role": "image", "url": "https://cdn.example/1.jpg"}
VIDEO = {"role": "video", "url": "https://cdn.example/2.mp4"}
ITEMS = {
    "IMAGE": [{"position": 0, **IMAGE}],
    "REELS": [{"position": 0, **VIDEO}],
    "STORIES": [{"position": 0, **IMAGE, "role": "item"}],
    "CAROUSEL": [
        {"position": 1, **IMAGE, "role": "item"},
        {"position": 2, **VIDEO, "role": "item"},
        {"position": 3, "role": "item", "url": "https://cdn.example/3.jpg"},
    ],
}


def run_instagram_sandbox():
    """Serve a sandbox; yields its raw client and its state."""
    sandbox = SandboxState()
    tiktok = TikTokState(sandbox, client_key="key", client_secret="secret", redirect_uris=())
    state = InstagramState(sandbox, FACEBOOK_APP, INSTAGRAM_APP, (), FAST_SETTINGS)
    server = SandboxServer(create_app(sandbox, tiktok, state), 0)
    sandbox.start()
    server.start()
    try:
        yield RawSandboxClient(server.url, None), state
    finally:
        sandbox.stop()
        server.stop()


def instagram_environ(url, flow):
    """The environment of an app that signs in by this flow at the sandbox."""
    return {
        "INSTAGRAM_LOGIN": flow,
        "FACEBOOK_APP_ID": FACEBOOK_APP.id,
        "FACEBOOK_APP_SECRET": FACEBOOK_APP.secret,
        "INSTAGRAM_APP_ID": INSTAGRAM_APP.id,
        "INSTAGRAM_APP_SECRET": INSTAGRAM_APP.secret,
        "INSTAGRAM_REDIRECT_URI": "http://127.0.0.1:9/callback",
        "INSTAGRAM_WEBHOOK_VERIFY_TOKEN": "verify-token-of-the-tests",
        "META_AUTH_BASE_URL": f"{url}/meta-auth",
        "META_GRAPH_BASE_URL": f"{url}/meta-graph",
        "META_UPLOAD_BASE_URL": f"{url}/meta-upload",
        "INSTAGRAM_AUTH_BASE_URL": f"{url}/instagram-auth",
        "INSTAGRAM_API_BASE_URL": f"{url}/instagram-api",
        "INSTAGRAM_GRAPH_BASE_URL": f"{url}/instagram-graph",
    }


@dataclass
class InstagramHarness(StepHarness):
    """`client` acts at the sandbox as the account; `flow` is facebook or instagram."""

    client: object = None
    flow: str = "facebook"
    destination_id: int = 0
    account: Account = None

    def connect(self, user_id=None):
        """Store the login and its only destination, as signing in does."""
        user_id, key_ring = user_id or self.factory.create_user(), self.services.key_ring
        is_facebook = self.flow == "facebook"
        login_token = self.client.tokens["user" if is_facebook else "instagram"]
        open_id = f"person-{self.client.account.id}"
        page_token = key_ring.encrypt(
            Secret(self.client.tokens["page"]),
            destination_token_context(PROVIDER, self.client.account.id, user_id),
        )
        with self.database.transaction() as session:
            account = Account(
                user_id=user_id,
                provider=PROVIDER,
                open_id=open_id,
                access_token_encrypted=key_ring.encrypt(
                    Secret(login_token), access_token_context(PROVIDER, open_id, user_id)
                ),
                scope="instagram_basic,instagram_content_publish",
                expires_at=func.now() + 24 * 50 * HOUR,
                due_at=Grants.now() + 24 * HOUR,
            )
            session.add(account)
            session.flush()
            destination = InstagramAccount(
                user_id=user_id,
                oauth_account_id=account.id,
                ig_business_id=self.client.account.id,
                page_id=self.client.account.page_id,
                username=self.client.account.username,
                access_level="FULL",
                page_access_token_encrypted=page_token if is_facebook else None,
                login_flavour=self.flow,
                selected=True,
            )
            session.add(destination)
            session.flush()
            self.account, self.destination_id = account, destination.id
        return self

    def add_post(self, kind, *, items=None, **columns):
        defaults = {
            "provider": PROVIDER,
            "kind": kind,
            "source": "PULL_FROM_URL",
            "sent_by": SentBy.PLATFORM,
            "title": "" if kind == "STORIES" else "Hi @ada  and\n#x",
            "due_at": func.now(),
            "user_id": self.account.user_id,
            "oauth_account_id": self.account.id,
            "destination_id": self.destination_id,
            "instagram_account_id": self.destination_id,
        }
        with self.database.transaction() as session:
            post = Posts(session).add(**{**defaults, **columns})
            PostParts(session).add_items(post.id, items or ITEMS[kind])
            PostEvents(session).add(post, "request", after=post.state)
            return post.id

    @property
    def published(self):
        """What the account really published, as the sandbox knows it."""
        media = self.client.raw.control("instagram/media")["media"]
        return [each for each in media if each["account_id"] == self.client.account.id]

    def media_rows(self):
        return self.all(select(IgMedia).order_by(IgMedia.id))
