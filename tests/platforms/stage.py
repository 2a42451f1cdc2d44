"""A platform to rehearse with: its sandbox as a process, a creator who consents, a mailbox.

Works by what a browser and the control API see, and imports nothing of the sandbox.
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
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from platforms import registry
from platforms.base import App
from platforms.http import Http
from platforms.secret import Secret
from tests.platforms.roles import TIKTOK, Role

ROOT = Path(__file__).parents[2]
CLIENT_KEY, CLIENT_SECRET = "sbaw_contract", "contract_secret_0123456789abcdef"
REDIRECT = "http://127.0.0.1:9/callback"  # nobody is there: only the Location header is read


class Form(HTMLParser):
    """The one form of a page, filled in: everything ticked, and the creator we want."""

    def __init__(self, creator):
        super().__init__()
        self.creator, self.action, self.fields = creator, "", []
        self.allow, self.button, self.select = None, None, None

    def handle_starttag(self, tag, attributes):
        at = dict(attributes)
        if tag == "form":
            self.action = at.get("action") or ""
        elif tag == "select":
            self.select = at["name"]
        elif tag == "option" and at.get("value") == self.creator:
            self.fields.append((self.select, self.creator))
        elif tag == "button" or at.get("type") == "submit":
            self.button = (at.get("name"), at.get("value", ""))
            self.judge(at.get("value", ""))
        elif tag == "input" and at.get("name") and self.wants(at):
            self.fields.append((at["name"], at.get("value", "on")))

    def wants(self, at):
        return at.get("type") != "radio" or at.get("value") == self.creator

    def handle_data(self, data):
        self.judge(data)

    def handle_endtag(self, tag):
        if tag == "button":
            self.button = None

    def judge(self, words):
        if self.button and self.allow is None and "allow" in words.lower():
            self.allow = self.button

    @property
    def filled(self):
        pressed = [self.allow] if self.allow and self.allow[0] else []
        return urlencode(self.fields + pressed).encode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


BROWSER = urllib.request.build_opener(NoRedirect)


def browse(url, data=None):
    """Status, headers and text of a page; a redirect is an answer like any other."""
    try:
        with BROWSER.open(url, data, timeout=10) as page:
            return page.status, page.headers, page.read().decode()
    except urllib.error.HTTPError as page:
        return page.code, page.headers, page.read().decode()


@dataclass
class Stage:
    url: str
    mail: queue.Queue
    role: Role = TIKTOK
    platform: object = None
    http: Http = None
    app: App = field(default=None)

    def control(self, path, method=None, **body):
        data = json.dumps(body).encode() if body else None
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data, head, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def log(self, endpoint):
        entries = self.control("log")
        entries = entries.get("log", entries) if isinstance(entries, dict) else entries
        return [entry for entry in entries if entry["endpoint"] == endpoint]

    def consent(self, creator):
        """What the callback is asked with, after the creator ticked everything and allowed it."""
        page = self.platform.oauth.authorize_url(
            state="s" * 64, scopes=self.role.scopes, switch=True
        )
        _, _, html = browse(page)
        form = Form(creator)
        form.feed(html)
        status, headers, _ = browse(urljoin(page, form.action) or page, form.filled)
        assert status in {302, 303}, f"the consent page answered {status}"
        return {
            key: value[0] for key, value in parse_qs(urlsplit(headers["Location"]).query).items()
        }

    def connect(self, **traits):
        """A grant of a creator nobody knew before."""
        creator = "-000" + secrets.token_urlsafe(16)
        self.control("creators", open_id=creator, **traits)
        return self.platform.oauth.exchange(self.consent(creator)["code"])


class Mailbox(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.mail.put((dict(self.headers), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def mailbox():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mailbox)
    server.mail = queue.Queue()
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhook", server.mail
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def sandbox(webhook_url):
    command = [sys.executable, "-m", "platforms.sandbox", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--webhook-url", webhook_url, "--redirect-uri", REDIRECT],
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
        process.wait(60)  # a delivery under way may wait for its receiver
        process.stdout.close()


@contextmanager
def tiktok():
    with mailbox() as (webhook_url, mail), sandbox(webhook_url) as url:
        stage = Stage(url, mail, TIKTOK)
        stage.app = App(
            client_key=CLIENT_KEY,
            client_secret=Secret(CLIENT_SECRET),
            redirect_uri=REDIRECT,
            scopes=TIKTOK.scopes,
            webhook_secrets=(Secret(CLIENT_SECRET),),
            bases={"auth": url, "api": url},
        )
        stage.http = Http(timeout=(1.0, 1.5), sleep=lambda _: None)
        stage.platform = registry.build({"tiktok": stage.app}, stage.http)["tiktok"]
        stage.control("settings", audited=True, processing_seconds=0.05, moderation_seconds=0.05)
        yield stage
        stage.http.close()


STAGES = {"tiktok": tiktok}
