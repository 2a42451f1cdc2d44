"""An Instagram sandbox with its default people, and the adapter's logins against it."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, replace

from platforms.base import PlatformApp
from platforms.http import HttpClient
from platforms.instagram.facebook_login import FacebookLogin
from platforms.instagram.graph import GraphClient
from platforms.instagram.instagram_login import InstagramLogin
from platforms.instagram.subscription import InstagramSubscriber
from platforms.sandbox.app import create_app
from platforms.sandbox.instagram.default_people import add_default_people
from platforms.sandbox.instagram.settings import InstagramSandboxSettings
from platforms.sandbox.instagram.state import InstagramState, MetaApp
from platforms.sandbox.server import SandboxServer
from platforms.sandbox.state import SandboxState
from platforms.sandbox.tiktok.state import TikTokState
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response
from tests.platforms.raw_sandbox_client import RawSandboxClient

REDIRECT_URI = "https://app.example.com/api/auth/instagram/callback"
APP_SECRETS = {"facebook": ("1021", "facebooksecret"), "instagram": ("2021", "instagramsecret")}
PREFIXES = {
    "meta_auth": "/meta-auth",
    "meta_graph": "/meta-graph",
    "meta_upload": "/meta-upload",
    "instagram_auth": "/instagram-auth",
    "instagram_api": "/instagram-api",
    "instagram_graph": "/instagram-graph",
}


def make_graph(url, login, *, http=None, observe_usage=None, **extra):
    """Return a client for a server that has all hosts of Meta below prefixes."""
    app_id, secret = APP_SECRETS[login]
    app = PlatformApp(
        client_key=app_id,
        client_secret=Secret(secret),
        redirect_uri=REDIRECT_URI,
        scopes=(),
        webhook_secrets=(),
        base_urls={name: url + prefix for name, prefix in PREFIXES.items()},
        extra={"login": login, "graph_version": "v26.0", **extra},
    )
    return GraphClient(app, http or HttpClient(sleep=lambda _: None), observe_usage)


def json_response(status=200, /, headers=None, **body):
    return http_response(status, json.dumps(body).encode(), **(headers or {}))


def graph_error(status=400, /, headers=None, **error):
    fields = {"message": "m", "type": "OAuthException", "fbtrace_id": "A1", **error}
    return json_response(status, headers, error=fields)


@dataclass
class LoginSandbox:
    raw: RawSandboxClient
    state: InstagramState
    http: HttpClient

    def change_settings(self, **changes):
        self.state.settings = replace(self.state.settings, **changes)

    def graph(self, login="facebook", **extra):
        return make_graph(self.raw.url, login, http=self.http, **extra)

    def flow(self, login="facebook", **extra):
        make_flow = FacebookLogin if login == "facebook" else InstagramLogin
        return make_flow(self.graph(login, **extra))

    def subscriber(self, login="facebook", **extra):
        return InstagramSubscriber(self.graph(login, **extra))

    def add_person(self, **traits):
        return self.raw.control("instagram/people", **traits)

    def give_consent(self, flow, who, *, state="s", **choice):
        """Consent on the page that the flow sends the browser to; return the callback's values."""
        url = flow.authorize_url(state=state)
        return self.raw.control("instagram/consent", url=url, login=who, **choice)

    def connect(self, flow, who, **choice):
        return flow.exchange_code(self.give_consent(flow, who, **choice)["code"])

    def kill_tokens(self, who, subcode=463, **which):
        self.raw.control("instagram/token-death", login=who, subcode=subcode, **which)

    def inject_fault(self, endpoint, kind, **fields):
        self.raw.control("faults", endpoint=endpoint, kind=kind, **fields)

    def calls(self, endpoint):
        return self.raw.log(endpoint)


@contextmanager
def run_login_sandbox():
    sandbox = SandboxState()
    tiktok = TikTokState(sandbox, client_key="key", client_secret="secret", redirect_uris=())
    facebook_app, instagram_app = (MetaApp(*APP_SECRETS[each]) for each in APP_SECRETS)
    state = InstagramState(sandbox, facebook_app, instagram_app, (REDIRECT_URI,))
    add_default_people(state)
    server = SandboxServer(create_app(sandbox, tiktok, state), 0)
    http = HttpClient(sleep=lambda _: None)
    sandbox.start()
    server.start()
    try:
        yield LoginSandbox(RawSandboxClient(server.url, None), state, http)
    finally:
        http.close()
        sandbox.stop()
        server.stop()


def reset_login_sandbox(sandbox):
    sandbox.state.settings = InstagramSandboxSettings(require_appsecret_proof=True)
    sandbox.state.sandbox.faults.clear()
