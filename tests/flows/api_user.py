"""A creator with a connected account, and the API client that posts for them.

Uses HTTP only. What was really published is read from the sandbox, never from the stack.
"""

import base64
import secrets
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from local.sample_video import create_video
from tests.flows.brokers import wait_until
from tests.platforms.contract_videos import pad_video
from tests.platforms.sandbox_client import ConsentFormParser, SandboxClient

TUS_HEADERS = {"Tus-Resumable": "1.0.0"}
DIRECT_FIELDS = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}
PULL_FIELDS = {"source": "PULL_FROM_URL", "videoUrl": "https://videos.example.com/video.mp4"}
FINAL_STATES = {"PUBLISHED", "FAILED", "CANCELLED"}
SMALL_FILE_BYTES, CHUNKED_FILE_BYTES = 200_000, 65_000_000  # bytes: one chunk, six chunks
REQUEST_TIMEOUT = 30.0  # seconds; of a (connect, read) pair the first would also limit sending


@cache
def base_video():
    """Encode a video once: encoding takes longer than everything else."""
    with tempfile.TemporaryDirectory() as folder:
        return create_video(Path(folder) / "video.mp4").read_bytes()


def make_video(size=SMALL_FILE_BYTES):
    return pad_video(base_video(), size)


@dataclass
class ApiUser:
    """`account_id` is our id of the connected account, `open_id` the creator's id at TikTok."""

    url: str
    sandbox: SandboxClient
    open_id: str
    browser_session: requests.Session
    api_session: requests.Session
    account_id: int = 0
    files: dict = field(default_factory=dict)

    def call(self, method, path, **options):
        """Send a request. One that our own limit refuses is sent again when that allows it."""
        while True:
            response = self.send(method, path, **options)
            if not is_refused_by_own_limit(response):
                return response
            time.sleep(int(response.headers["Retry-After"]))

    def send(self, method, path, **options):
        """Send a request once."""
        return self.api_session.request(
            method, urljoin(self.url, path), timeout=REQUEST_TIMEOUT, **options
        )

    def call_json(self, method, path, **options):
        response = self.call(method, path, **options)
        assert response.ok, f"{response.status_code} {response.text}"
        return response.json()

    def connect(self):
        """Connect an account through the platform's consent page, as a browser does."""
        page = self.browser_session.get(
            f"{self.url}/api/auth/tiktok?switch=1", timeout=REQUEST_TIMEOUT
        )
        form = ConsentFormParser(self.open_id)
        form.feed(page.text)
        allow_fields = [form.allow_button] if form.allow_button else []
        request_options = {"timeout": REQUEST_TIMEOUT, "allow_redirects": False}
        response = self.browser_session.post(
            page.url, [*form.fields, *allow_fields], **request_options
        )
        while response.is_redirect:
            response = self.browser_session.get(
                urljoin(response.url, response.headers["Location"]), **request_options
            )
        account_ids = parse_qs(urlsplit(response.url).query).get("account")
        assert account_ids, response.url
        self.account_id = int(account_ids[0])

    def upload_file(self, size=SMALL_FILE_BYTES):
        """Upload a video of `size` bytes to us with tus and return its media id."""
        data = make_video(size)
        encoded_name = base64.b64encode(b"video.mp4").decode()
        encoded_type = base64.b64encode(b"video/mp4").decode()
        upload_headers = {
            "Upload-Length": str(size),
            "Upload-Metadata": f"filename {encoded_name},filetype {encoded_type}",
        }
        created = self.call("POST", "/api/media", headers={**TUS_HEADERS, **upload_headers})
        assert created.status_code == HTTPStatus.CREATED, created.text
        location = created.headers["Location"]
        chunk_headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        response = self.call("PATCH", location, headers={**TUS_HEADERS, **chunk_headers}, data=data)
        assert response.status_code == HTTPStatus.NO_CONTENT, response.text
        media_id = int(location.rpartition("/")[2])
        self.files[media_id] = data
        return media_id

    def request_post(self, *, key=None, wait=False, **fields):
        """Send an upload request and return the response; with `wait` after the first step."""
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        prefer = {} if wait else {"Prefer": "respond-async"}
        body = {"account_id": self.account_id, "title": secrets.token_hex(8), **fields}
        return self.call("POST", "/api/tiktok/upload", json=body, headers={**headers, **prefer})

    def create_post(self, **fields):
        """Send an upload request that has to be accepted and return the post's id."""
        response = self.request_post(**fields)
        assert response.status_code in {HTTPStatus.OK, HTTPStatus.ACCEPTED}, response.text
        return response.json()["data"]["id"]

    def publish_file(self, size=SMALL_FILE_BYTES, **fields):
        """Upload a video to us, request a direct post of it, and return the post's id."""
        media_id = self.upload_file(size)
        return self.create_post(
            source="FILE_UPLOAD", media_id=media_id, **{**DIRECT_FIELDS, **fields}
        )

    def get_post(self, post_id):
        return self.call_json("GET", f"/api/posts/{post_id}")["data"]

    def get_state(self, post_id):
        """Return the post's state, or "no answer" while the API does not respond."""
        try:
            response = self.call("GET", f"/api/posts/{post_id}")
        except requests.RequestException:
            return "no answer"
        return (
            response.json()["data"]["state"]
            if response.ok
            else f"no answer: {response.status_code}"
        )

    def wait_until_final(self, post_id, *, within=60.0):
        """Wait until the post's state is final and return the post."""
        wait_until(
            lambda: self.get_state(post_id) in FINAL_STATES,
            within=within,
            what=f"a final state of post {post_id}",
        )
        return self.get_post(post_id)

    def list_platform_posts(self):
        """Return this creator's posts at the platform."""
        posts = self.sandbox.control("posts")["posts"]
        return [post for post in posts if post["open_id"] == self.open_id]

    def count_publications(self):
        """Return how many publications of this creator the platform made."""
        return sum(post["published"] for post in self.list_platform_posts())

    def list_platform_calls(self, endpoint):
        """Return the calls to `endpoint` that the platform received for this creator."""
        return [call for call in self.sandbox.log(endpoint) if call.get("open_id") == self.open_id]


def is_refused_by_own_limit(response):
    """Whether the API refused a call; a limit of a platform has another code."""
    is_refused = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
    return is_refused and response.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"


def create_api_user(info, sandbox, **traits):
    """Create a creator in the sandbox and connect an account. `info` is the stack's ready line."""
    open_id = "-000" + secrets.token_urlsafe(16)
    sandbox.control("creators", open_id=open_id, **traits)
    browser_session, api_session = requests.Session(), requests.Session()
    api_session.headers["Authorization"] = f"Bearer {info['api_key']}"
    login_options = {
        "json": {"email": info["user"], "password": info["password"]},
        "timeout": REQUEST_TIMEOUT,
    }
    login_url = f"{info['web']}/api/auth/login"
    # Sign-in is refused while Redis is down, because its rate limit cannot be checked.
    wait_until(lambda: browser_session.post(login_url, **login_options).ok, what="a login")
    api_user = ApiUser(info["web"], sandbox, open_id, browser_session, api_session)
    api_user.connect()
    return api_user
