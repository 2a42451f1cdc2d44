"""Runs the sandbox with Meta's apps, and calls its hosts in plain HTTP as no adapter would."""

import hmac
import json
import os
import queue
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.platforms.raw_sandbox_client import FORM_HEADERS, RawResponse, RawSandboxClient
from tests.platforms.sandbox_client import REDIRECT_URI, ROOT, fetch_page, record_deliveries

FACEBOOK_APP, INSTAGRAM_APP = "1020304050607080", "2030405060708090"
FACEBOOK_SECRET, INSTAGRAM_SECRET = "facebook_canary_secret", "instagram_canary_secret"
VERIFY_TOKEN = "verify_canary"
FACEBOOK_SCOPES = (
    "instagram_basic,instagram_content_publish,instagram_manage_comments,"
    "instagram_manage_insights,pages_show_list,pages_read_engagement,pages_manage_metadata,"
    "business_management"
)
INSTAGRAM_SCOPES = (
    "instagram_business_basic,instagram_business_content_publish,"
    "instagram_business_manage_comments,instagram_business_manage_insights"
)
DIALOG_PATH, AUTHORIZE_PATH = "/meta-auth/v26.0/dialog/oauth", "/instagram-auth/oauth/authorize"
ACCOUNT_FIELDS = "comments,live_comments,mentions,story_insights"
COMMENT = {"id": "1790000", "text": "café 😀 a/b", "from": {"id": "1", "username": "ada"}}
FACEBOOK_GRAPH, INSTAGRAM_GRAPH = "/meta-graph/v26.0", "/instagram-graph/v26.0"


@dataclass
class ConnectedLogin:
    """What a person granted; `token` is the long-lived one, `short` the first."""

    ids: dict
    token: str
    short: str
    callback: dict

    @property
    def person_id(self):
        return self.ids["person_id"]

    @property
    def page_id(self):
        return self.ids["page_ids"][0]

    @property
    def account_id(self):
        return self.ids["account_ids"][0]


class RawGraphResponse(RawResponse):
    @property
    def error(self):
        """Status, code and subcode."""
        error = self.json["error"]
        assert error["fbtrace_id"]
        return self.status, error["code"], error.get("error_subcode")

    @property
    def result(self):
        assert self.status == 200, self.json
        return self.json


@dataclass
class RawInstagramClient(RawSandboxClient):
    waiting: list = field(default_factory=list)

    def control(self, path, method=None, **body):
        """Call Instagram's controls; those that all platforms share begin with a slash."""
        shared = path.startswith("/")
        return super().control(path[1:] if shared else f"instagram/{path}", method, **body)

    def advance_clock(self, seconds=0):
        self.control("/clock", advance=seconds)

    def create_person(self, **traits):
        return self.control("people", **({"pages": [{"account": {}}]} | traits))

    def dialog_url(self, **changes):
        return self.consent_url(
            DIALOG_PATH, {"client_id": FACEBOOK_APP, "scope": FACEBOOK_SCOPES} | changes
        )

    def authorize_url(self, **changes):
        return self.consent_url(
            AUTHORIZE_PATH, {"client_id": INSTAGRAM_APP, "scope": INSTAGRAM_SCOPES} | changes
        )

    def consent_url(self, path, changes):
        defaults = {"redirect_uri": REDIRECT_URI, "response_type": "code", "state": "abc"}
        params = {name: value for name, value in (defaults | changes).items() if value is not None}
        return f"{self.url}{path}?{urlencode(params)}"

    def submit_form(self, url, **fields):
        """Submit a consent page; return the address of the callback."""
        form = urlencode({"decision": "allow"} | fields, doseq=True)
        status, headers, text = fetch_page(url, form.encode())
        assert status == 302, text
        return headers["Location"]

    def consent(self, url, login, **ticked):
        return self.control("consent", url=url, login=login, **ticked)

    def graph(self, method, path, /, token=None, host=FACEBOOK_GRAPH, headers=None, **params):
        """Call a Graph host, with the token in the header and the parameters in the query."""
        query = f"?{urlencode(params)}" if params else ""
        answer = self.send(method, f"{host}{path}{query}", None, headers, token)
        return RawGraphResponse(answer.status, answer.headers, answer.body)

    def exchange_facebook(self, code, /, **changes):
        params = {
            "client_id": FACEBOOK_APP,
            "client_secret": FACEBOOK_SECRET,
            "redirect_uri": REDIRECT_URI,
            "code": code,
        } | changes
        return self.graph("GET", "/oauth/access_token", **params)

    def extend_facebook(self, token, **changes):
        params = {
            "grant_type": "fb_exchange_token",
            "client_id": FACEBOOK_APP,
            "client_secret": FACEBOOK_SECRET,
            "fb_exchange_token": token,
        } | changes
        return self.graph("GET", "/oauth/access_token", **params)

    def exchange_instagram(self, code, /, **changes):
        fields = {
            "client_id": INSTAGRAM_APP,
            "client_secret": INSTAGRAM_SECRET,
            "grant_type": "authorization_code",
            "redirect_uri": REDIRECT_URI,
            "code": code,
        } | changes
        form = urlencode({name: value for name, value in fields.items() if value is not None})
        return self.send("POST", "/instagram-api/oauth/access_token", form, FORM_HEADERS)

    def extend_instagram(self, token, **changes):
        params = {
            "grant_type": "ig_exchange_token",
            "client_secret": INSTAGRAM_SECRET,
            "access_token": token,
        } | changes
        return self.graph("GET", "/access_token", host="/instagram-graph", **params)

    def refresh_instagram(self, token, **changes):
        params = {"grant_type": "ig_refresh_token", "access_token": token} | changes
        return self.graph("GET", "/refresh_access_token", host="/instagram-graph", **params)

    def connect_facebook(self, traits=None, dialog=None, **ticked):
        ids = self.create_person(**(traits or {}))
        callback = self.consent(self.dialog_url(**(dialog or {})), ids["person_id"], **ticked)
        short = self.exchange_facebook(callback["code"]).result["access_token"]
        token = self.extend_facebook(short).result["access_token"]
        return ConnectedLogin(ids, token, short, callback)

    def connect_instagram(self, traits=None, **ticked):
        ids = self.create_person(pages=[], accounts=[traits or {}])
        callback = self.consent(self.authorize_url(), ids["account_ids"][0], **ticked)
        short = self.exchange_instagram(callback["code"]).json["access_token"]
        token = self.extend_instagram(short).result["access_token"]
        return ConnectedLogin(ids, token, short, callback)

    def page_token(self, login):
        pages = self.graph("GET", "/me/accounts", login.token, fields="id,access_token").result
        return {page["id"]: page["access_token"] for page in pages["data"]}[login.page_id]

    def subscribe(self, login, *, page=True, account=True):
        """Subscribe the app on the Page, and to the account's fields."""
        if page:
            path, token = f"/{login.page_id}/subscribed_apps", self.page_token(login)
            assert self.graph("POST", path, token, subscribed_fields="feed").result["success"]
        if account:
            path = f"/{login.account_id}/subscribed_apps"
            answer = self.graph("POST", path, login.token, subscribed_fields=ACCOUNT_FIELDS)
            assert answer.result == {"success": True}

    def send_live(self, login, field="comments", value=COMMENT):
        """Let a change happen to the account; it is delivered if the app may have it."""
        return self.control("live-event", account_id=login.account_id, field=field, value=value)

    def debug_token(self, token):
        params = {"input_token": token, "access_token": f"{FACEBOOK_APP}|{FACEBOOK_SECRET}"}
        return self.graph("GET", "/debug_token", **params).result["data"]

    def wait_for_event(self, account_id):
        """Return the first delivery with an entry of the account: headers, body and JSON."""
        while True:
            for delivery in self.waiting:
                if has_entry(delivery[2], account_id):
                    self.waiting.remove(delivery)
                    return delivery
            headers, body = self.deliveries.get(timeout=10)
            self.waiting.append((headers, body, json.loads(body)))

    def has_no_event(self, account_id, seconds=0.3):
        try:
            while True:
                headers, body = self.deliveries.get(timeout=seconds)
                self.waiting.append((headers, body, json.loads(body)))
        except queue.Empty:
            return not any(has_entry(delivery[2], account_id) for delivery in self.waiting)


def has_entry(body, account_id):
    envelopes = body if isinstance(body, list) else [body]
    return any(entry["id"] == account_id for each in envelopes for entry in each["entry"])


def is_signed(headers, body, secret):
    digest = hmac.new(secret.encode(), body, sha256).hexdigest()
    return headers.get("X-Hub-Signature-256") == f"sha256={digest}"


def read_callback(address):
    """Return the parameters and the fragment of a callback's address."""
    parts = urlsplit(address)
    return dict(parse_qsl(parts.query)), parts.fragment


@contextmanager
def run_instagram_process(webhook_url):
    command = [sys.executable, "-m", "platforms.sandbox", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--instagram-webhook-url", webhook_url, "--redirect-uri", REDIRECT_URI],
        cwd=ROOT,
        env={
            **os.environ,
            "TIKTOK_CLIENT_KEY": "sbaw_unused",
            "TIKTOK_CLIENT_SECRET": "unused_secret",
            "FACEBOOK_APP_ID": FACEBOOK_APP,
            "FACEBOOK_APP_SECRET": FACEBOOK_SECRET,
            "INSTAGRAM_APP_ID": INSTAGRAM_APP,
            "INSTAGRAM_APP_SECRET": INSTAGRAM_SECRET,
            "INSTAGRAM_WEBHOOK_VERIFY_TOKEN": VERIFY_TOKEN,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(60)  # a delivery in progress may wait for its receiver
        process.stdout.close()


@contextmanager
def run_instagram_sandbox():
    with (
        record_deliveries() as (webhook_url, deliveries),
        run_instagram_process(webhook_url) as url,
    ):
        yield RawInstagramClient(url, deliveries)
