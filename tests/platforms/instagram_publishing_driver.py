"""Runs an Instagram post step by step against the sandbox in this process."""

from datetime import UTC, datetime

from platforms.base import PlatformApp
from platforms.http import HttpClient
from platforms.instagram.graph import GraphClient
from platforms.instagram.kinds import KINDS
from platforms.instagram.publisher import InstagramPublisher
from platforms.publishing import MediaItem, Publication, StepTools
from platforms.secret import Secret
from tests.platforms.instagram_login_client import PREFIXES
from tests.platforms.post_driver import PostDriver


def make_publisher(client, login="page"):
    is_facebook = login != "instagram"
    meta_app = client.state.facebook_app if is_facebook else client.state.instagram_app
    app = PlatformApp(
        client_key=meta_app.id,
        client_secret=Secret(meta_app.secret),
        redirect_uri="https://app.example.com/callback",
        scopes=(),
        webhook_secrets=(),
        base_urls={name: client.raw.url + prefix for name, prefix in PREFIXES.items()},
        extra={"login": "facebook" if is_facebook else "instagram", "graph_version": "v26.0"},
    )
    http = HttpClient(timeout=(2.0, 10.0), sleep=lambda _: None)
    return InstagramPublisher(GraphClient(app, http))


class InstagramPostDriver(PostDriver):
    """A post of the sandbox in this process."""

    @property
    def now(self):
        return datetime.fromtimestamp(self.client.state.now, UTC)

    @property
    def posts(self):
        media = self.client.raw.control("instagram/media")["media"]
        return [each for each in media if each["account_id"] == self.client.account.id]


def image(url="https://cdn.example/a.jpg", position=0, role="image", **fields):
    return MediaItem(position, role, url=url, content_type="image/jpeg", **fields)


def video(url="https://cdn.example/a.mp4", position=0, role="video", **fields):
    return MediaItem(position, role, url=url, content_type="video/mp4", **fields)


def make_driver(
    client, kind, *media, login="page", text="", files=None, media_link=None, **options
):
    """`files`: media id → bytes of a file of ours."""
    files = files or {}

    def read_bytes(item, first, last):
        return files[item.media_id][first : last + 1]

    fallback = Secret(client.tokens["user"]) if login == "page" else None
    tools = StepTools(
        token=Secret(client.tokens[login]),
        read_bytes=read_bytes,
        media_link=media_link or (lambda item: f"https://cdn.example/ours-{item.media_id}.jpg"),
        fallback_token=fallback,
    )
    now = datetime.fromtimestamp(client.state.now, UTC)
    publication = Publication(
        kind=KINDS[kind],
        text=text,
        destination_id=client.account.id,
        now=now,
        created_at=now,
        options=options,
        media=media,
    )
    return InstagramPostDriver(client, make_publisher(client, login), tools, publication)
