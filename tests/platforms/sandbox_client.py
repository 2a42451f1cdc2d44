"""Runs the sandbox as a process, gives consent as a creator, and records its deliveries.

Uses only the web pages and the control API, and imports nothing of the sandbox.
"""

import json
import os
import queue
import secrets
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from platforms.base import PlatformApp, PublishRequest
from platforms.http import HttpClient
from platforms.registry import PLATFORMS
from platforms.secret import Secret
from tests.platforms.contract_accounts import ContractAccount
from tests.platforms.platform_profiles import PlatformProfile
from tests.platforms.tiktok_profile import TIKTOK_PROFILE

ROOT = Path(__file__).parents[2]
CLIENT_KEY, CLIENT_SECRET = "sbaw_contract", "contract_secret_0123456789abcdef"
REDIRECT_URI = "http://127.0.0.1:9/callback"  # no server: only the Location header is read
TIKTOK_SETTINGS = {
    "audited": True,
    "processing_seconds": 0.05,
    "moderation_seconds": 0.05,
    "download_seconds": 0.05,
    "redelivery_seconds": 0.2,
    "verified_urls": "videos.example.com",
    **dict.fromkeys(("init_per_minute", "status_per_minute", "creator_per_minute"), 10_000),
    **dict.fromkeys(("direct_daily", "pending_limit"), 1_000),
}


class ConsentFormParser(HTMLParser):
    """Fills in the form of a consent page: all scopes selected, and the creator chosen."""

    def __init__(self, open_id):
        super().__init__()
        self.open_id, self.action, self.fields = open_id, "", []
        self.allow_button, self.current_button, self.current_select = None, None, None

    def handle_starttag(self, tag, attributes):
        attribute_map = dict(attributes)
        if tag == "form":
            self.action = attribute_map.get("action") or ""
        elif tag == "select":
            self.current_select = attribute_map["name"]
        elif tag == "option" and attribute_map.get("value") == self.open_id:
            self.fields.append((self.current_select, self.open_id))
        elif tag == "button" or attribute_map.get("type") == "submit":
            self.current_button = (attribute_map.get("name"), attribute_map.get("value", ""))
            self.match_allow_button(attribute_map.get("value", ""))
        elif tag == "input" and attribute_map.get("name") and self.should_submit(attribute_map):
            self.fields.append((attribute_map["name"], attribute_map.get("value", "on")))

    def should_submit(self, attribute_map):
        return attribute_map.get("type") != "radio" or attribute_map.get("value") == self.open_id

    def handle_data(self, data):
        self.match_allow_button(data)

    def handle_endtag(self, tag):
        if tag == "button":
            self.current_button = None

    def match_allow_button(self, text):
        if self.current_button and self.allow_button is None and "allow" in text.lower():
            self.allow_button = self.current_button

    @property
    def encoded_fields(self):
        button_fields = [self.allow_button] if self.allow_button and self.allow_button[0] else []
        return urlencode(self.fields + button_fields).encode()


class NoRedirectHandler(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


PAGE_OPENER = urllib.request.build_opener(NoRedirectHandler)


def fetch_page(url, data=None):
    """Return status, headers and text of a page; redirects are not followed."""
    try:
        with PAGE_OPENER.open(url, data, timeout=10) as page:
            return page.status, page.headers, page.read().decode()
    except urllib.error.HTTPError as page:
        return page.code, page.headers, page.read().decode()


@dataclass
class SandboxClient:
    url: str
    deliveries: queue.Queue
    profile: PlatformProfile = TIKTOK_PROFILE
    adapter: object = None
    http: HttpClient = None
    app: PlatformApp = field(default=None)
    received: list = field(default_factory=list)

    def control(self, path, method=None, **body):
        data = json.dumps(body).encode() if body else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(
            f"{self.url}/_sandbox/{path}", data, headers, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    @property
    def now(self):
        return datetime.fromtimestamp(self.control("clock")["time"], UTC)

    def advance_clock(self, seconds):
        self.control("clock", advance=seconds)

    def inject_fault(self, endpoint, kind, **options):
        """Inject a fault; return how many calls the endpoint has had so far."""
        self.control("faults", endpoint=endpoint, kind=kind, **options)
        return len(self.log(endpoint))

    def log(self, endpoint):
        entries = self.control("log")
        entries = entries.get("log", entries) if isinstance(entries, dict) else entries
        return [entry for entry in entries if entry["endpoint"] == endpoint]

    def grant_consent(self, open_id):
        """Grant all scopes on the consent page and return the parameters of the callback."""
        page = self.adapter.flow.authorize_url(
            state="s" * 64, scopes=self.profile.scopes, force_consent=True
        )
        _, _, html = fetch_page(page)
        form = ConsentFormParser(open_id)
        form.feed(html)
        status, headers, _ = fetch_page(urljoin(page, form.action) or page, form.encoded_fields)
        assert status in {302, 303}, f"the consent page answered {status}"
        return {
            key: value[0] for key, value in parse_qs(urlsplit(headers["Location"]).query).items()
        }

    def connect_creator(self, **traits):
        """Add a creator and return the grant of its account."""
        open_id = "-000" + secrets.token_urlsafe(16)
        self.control("creators", open_id=open_id, **traits)
        return self.adapter.flow.exchange_code(self.grant_consent(open_id)["code"])

    @property
    def publisher(self):
        return self.adapter.step_publisher

    def connect_account(self):
        """Return the account of a new creator, connected."""
        grant = self.connect_creator()
        return ContractAccount(
            self, grant, grant.login_id, grant.login_id, grant.access_token, grant.scopes
        )

    def media_link(self, item):
        raise NotImplementedError

    def list_posts(self, account):
        """Return the account's posts, one entry for each time that one was made visible."""
        posts = self.control("posts")["posts"]
        own = [post for post in posts if post["open_id"] == account.id]
        return [post for post in own for _ in range(count_visible(post))]

    def list_named_handles(self, account):
        """Return the publications of the account that deliveries have named so far."""
        while not self.deliveries.empty():
            headers, body = self.deliveries.get()
            self.received.append((headers, body))
        events = [event for _, body in self.received for event in self.adapter.webhooks.parse(body)]
        own = [event for event in events if event.platform_user_id == account.id]
        return tuple({event.publish_id for event in own if event.publish_id})


def upload_request(size):
    """Return the request of a public post whose bytes we send."""
    settings = {"privacy_level": "PUBLIC_TO_EVERYONE", "title": "Contract"}
    return PublishRequest("DIRECT_VIDEO", "FILE_UPLOAD", size=size, settings=settings)


def count_visible(post):
    """Return how often a post was published, or put into the creator's inbox."""
    return max(post["published"], 1 if post["status"] == "SEND_TO_USER_INBOX" else 0)


class DeliveryRecorder(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.deliveries.put((dict(self.headers), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def record_deliveries():
    server = ThreadingHTTPServer(("127.0.0.1", 0), DeliveryRecorder)
    server.deliveries = queue.Queue()
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhook", server.deliveries
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def run_sandbox(webhook_url):
    command = [sys.executable, "-m", "platforms.sandbox", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--webhook-url", webhook_url, "--redirect-uri", REDIRECT_URI],
        cwd=ROOT,
        env={
            **os.environ,
            "TIKTOK_CLIENT_KEY": CLIENT_KEY,
            "TIKTOK_CLIENT_SECRET": CLIENT_SECRET,
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
def run_tiktok_sandbox():
    with record_deliveries() as (webhook_url, deliveries), run_sandbox(webhook_url) as url:
        sandbox = SandboxClient(url, deliveries, TIKTOK_PROFILE)
        sandbox.app = PlatformApp(
            client_key=CLIENT_KEY,
            client_secret=Secret(CLIENT_SECRET),
            redirect_uri=REDIRECT_URI,
            scopes=TIKTOK_PROFILE.scopes,
            webhook_secrets=(Secret(CLIENT_SECRET),),
            base_urls={"auth": url, "api": url},
        )
        sandbox.http = HttpClient(timeout=(1.0, 1.5), sleep=lambda _: None)
        sandbox.adapter = PLATFORMS["tiktok"].build_adapter(sandbox.app, sandbox.http)
        sandbox.control("settings", **TIKTOK_SETTINGS)
        yield sandbox
        sandbox.http.close()
