"""The reading half of the Instagram adapter on an account of the sandbox."""

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from platforms.base import PlatformApp
from platforms.http import HttpClient
from platforms.insights_base import AccountAccess
from platforms.instagram.comments import InstagramComments
from platforms.instagram.graph import GraphClient
from platforms.instagram.insights import InstagramInsights
from platforms.instagram.locations import InstagramPlaces
from platforms.instagram.media import InstagramMedia
from platforms.secret import Secret
from tests.platforms.instagram_publishing_client import PublishingClient

ALL_FACEBOOK_SCOPES = (
    *("instagram_basic", "instagram_manage_comments", "instagram_manage_insights"),
    *("pages_read_engagement", "instagram_content_publish"),
)
ALL_INSTAGRAM_SCOPES = (
    *("instagram_business_basic", "instagram_business_manage_comments"),
    *("instagram_business_manage_insights", "instagram_business_content_publish"),
)


@dataclass
class ReadingAdapter:
    """`login` is that of the app: "facebook" or "instagram"."""

    client: PublishingClient
    login: str
    http: HttpClient

    @cached_property
    def graph(self):
        state = self.client.state
        meta_app = state.facebook_app if self.login == "facebook" else state.instagram_app
        app = make_app(self.client.raw.url, self.login, meta_app.id, meta_app.secret)
        return GraphClient(app, self.http)

    @property
    def token(self):
        return Secret(self.client.tokens["page" if self.login == "facebook" else "instagram"])

    @property
    def user_token(self):
        return Secret(self.client.tokens["user"])

    @property
    def scopes(self):
        return ALL_FACEBOOK_SCOPES if self.login == "facebook" else ALL_INSTAGRAM_SCOPES

    @property
    def access(self):
        return AccountAccess(self.token, self.scopes, self.client.account.id)

    @cached_property
    def comments(self):
        return InstagramComments(self.graph)

    @cached_property
    def media(self):
        return InstagramMedia(self.graph)

    @cached_property
    def insights(self):
        return InstagramInsights(self.graph)

    @cached_property
    def places(self):
        return InstagramPlaces(self.graph)

    def control(self, path, **fields):
        return self.client.raw.control(f"instagram/{path}", **fields)

    def post_in_app(self, **fields):
        """Let the account post in Instagram's app; return the id of the media."""
        return self.control("app-posts", account_id=self.client.account.id, **fields)["id"]

    def write_comment(self, media_id, text="Nice!", **fields):
        """Let a visitor comment, without an event; return the id of the comment."""
        answer = self.control("comments", media_id=media_id, text=text, is_silent=True, **fields)
        return answer["id"]

    def fail_with(self, endpoint, code, subcode=None, times=1):
        """Answer the next calls of this endpoint with an error of Meta."""
        fields = {"code": code} | ({} if subcode is None else {"subcode": subcode})
        self.client.inject_fault(endpoint, "graph_error", times=times, fields=fields)

    @contextmanager
    def count_calls(self, *endpoints):
        """Yield a list that has, at the end, the endpoints of the calls in between."""
        log, seen = self.client.state.sandbox.log, []
        before = len(log.as_dicts())
        yield seen
        seen += [
            entry["endpoint"]
            for entry in log.as_dicts()[before:]
            if not endpoints or entry["endpoint"] in endpoints
        ]


def make_app(url, login, app_id="1021", secret="secret"):
    prefixes = {
        "meta_auth": "meta-auth",
        "meta_graph": "meta-graph",
        "meta_upload": "meta-upload",
        "instagram_auth": "instagram-auth",
        "instagram_api": "instagram-api",
        "instagram_graph": "instagram-graph",
    }
    return PlatformApp(
        client_key=app_id,
        client_secret=Secret(secret),
        redirect_uri="https://example.com/callback",
        scopes=(),
        webhook_secrets=(),
        base_urls={name: f"{url}/{prefix}" for name, prefix in prefixes.items()},
        extra={"login": login, "graph_version": "v26.0"},
    )
