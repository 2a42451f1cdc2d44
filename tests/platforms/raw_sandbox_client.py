"""A client of the sandbox in plain HTTP, which can send requests that no adapter would send."""

import http.client
import json
import queue
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.platforms.sandbox_client import (
    CLIENT_KEY,
    CLIENT_SECRET,
    REDIRECT_URI,
    SandboxClient,
    fetch_page,
    record_deliveries,
    run_sandbox,
)

ALL_SCOPES = (
    "user.info.basic,user.info.profile,user.info.stats,video.list,video.upload,video.publish"
)
FAKE_MP4 = b"\0\0\0\x18ftypisom" + bytes(988)
FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
JSON_HEADERS = {"Content-Type": "application/json; charset=UTF-8"}
DIRECT_INIT_PATH, INBOX_INIT_PATH = (
    "/v2/post/publish/video/init/",
    "/v2/post/publish/inbox/video/init/",
)
PRIVATE_POST = {"privacy_level": "SELF_ONLY"}


@dataclass
class RawResponse:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]

    @property
    def data(self):
        assert self.code == "ok", self.json
        return self.json["data"]


@dataclass
class ConnectedCreator:
    open_id: str
    access_token: str
    refresh_token: str
    token_response: dict


@dataclass
class RawSandboxClient(SandboxClient):
    pending_deliveries: list = field(default_factory=list)  # received, but not waited for yet

    def send(self, method, path, body=None, headers=None, token=None):
        url_parts = urlsplit(path if "://" in path else self.url + path)
        connection = http.client.HTTPConnection(url_parts.hostname, url_parts.port, timeout=10)
        all_headers = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection.request(
                method,
                url_parts.path + ("?" + url_parts.query if url_parts.query else ""),
                body,
                all_headers,
            )
            response = connection.getresponse()
            return RawResponse(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def authorize_url(self, **changes):
        defaults = {
            "client_key": CLIENT_KEY,
            "scope": ALL_SCOPES,
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "state": "abc",
        }
        parameters = {
            key: value for key, value in (defaults | changes).items() if value is not None
        }
        return f"{self.url}/v2/auth/authorize/?{urlencode(parameters)}"

    def submit_consent(self, open_id, decision="allow", scopes=ALL_SCOPES, **changes):
        """Submit the consent page; return the callback's parameters, and its raw query."""
        scope_fields = [("scopes", scope) for scope in scopes.split(",")]
        fields = urlencode([("creator", open_id), ("decision", decision), *scope_fields])
        status, headers, text = fetch_page(self.authorize_url(**changes), fields.encode())
        assert status == 302, text
        raw_query = urlsplit(headers["Location"]).query
        return {key: value[0] for key, value in parse_qs(raw_query).items()}, raw_query

    def create_creator(self, open_id=None, **traits):
        open_id = open_id or f"-000{time.monotonic_ns():x}"
        self.control("creators", open_id=open_id, **traits)
        return open_id

    def call_oauth(self, endpoint="token", **changes):
        defaults = {"client_key": CLIENT_KEY, "client_secret": CLIENT_SECRET}
        fields = {key: value for key, value in (defaults | changes).items() if value is not None}
        return self.send("POST", f"/v2/oauth/{endpoint}/", urlencode(fields), FORM_HEADERS)

    def exchange_code(self, code, /, **changes):
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        return self.call_oauth(**(fields | changes))

    def refresh_tokens(self, token):
        return self.call_oauth(grant_type="refresh_token", refresh_token=token)

    def connect_creator(self, scopes=ALL_SCOPES, **traits):
        callback, _ = self.submit_consent(self.create_creator(**traits), scopes=scopes)
        token_response = self.exchange_code(callback["code"]).json
        return ConnectedCreator(
            token_response["open_id"],
            token_response["access_token"],
            token_response["refresh_token"],
            token_response,
        )

    def call_api(self, path, creator, body=None):
        token = creator.access_token if isinstance(creator, ConnectedCreator) else creator
        return self.send(
            "POST", path, json.dumps(body) if body is not None else "", JSON_HEADERS, token
        )

    def start_inbox_video(self, creator, size=1000, **source):
        return self.call_api(INBOX_INIT_PATH, creator, {"source_info": file_source(size, **source)})

    def start_direct_video(self, creator, size=1000, source=None, **info):
        body = {"post_info": PRIVATE_POST | info, "source_info": source or file_source(size)}
        return self.call_api(DIRECT_INIT_PATH, creator, body)

    def put_chunk(self, url, data, first=0, total=None, **headers):
        last, total = first + len(data) - 1, total or len(data)
        defaults = {"Content-Type": "video/mp4", "Content-Range": f"bytes {first}-{last}/{total}"}
        extra = {key.replace("_", "-"): value for key, value in headers.items()}
        request_headers = {
            key: value for key, value in (defaults | extra).items() if value is not None
        }
        return self.send("PUT", url, data, request_headers)

    def fetch_status(self, creator, publish_id):
        return self.call_api("/v2/post/publish/status/fetch/", creator, {"publish_id": publish_id})

    def upload_video(self, creator, data=FAKE_MP4, **info):
        """Start a post, upload its bytes and let it be processed; return its publish_id."""
        start = self.start_direct_video if info else self.start_inbox_video
        started = start(creator, len(data), **info).data
        assert self.put_chunk(started["upload_url"], data).status == 201
        self.advance_clock()
        return started["publish_id"]

    def advance_clock(self, seconds=0):
        self.control("clock", advance=seconds)

    def wait_for_delivery(self, open_id, event=None):
        """Return the first delivery about the creator, as (headers, body); others are kept."""
        while True:
            for delivery in self.pending_deliveries:
                envelope = json.loads(delivery[1])
                if envelope["user_openid"] == open_id and event in {None, envelope["event"]}:
                    self.pending_deliveries.remove(delivery)
                    return delivery
            self.pending_deliveries.append(self.deliveries.get(timeout=10))

    def get_post(self, publish_id):
        return next(
            post for post in self.control("posts")["posts"] if post["publish_id"] == publish_id
        )


def file_source(size, chunk=None, count=1, **changes):
    plan = {"video_size": size, "chunk_size": chunk or size, "total_chunk_count": count}
    return {"source": "FILE_UPLOAD", **plan, **changes}


def delivery_content(delivery):
    _, body = delivery
    return json.loads(json.loads(body)["content"])


def wait_for(get_value, seconds=30.0):
    """Return the first true value of `get_value()`."""
    deadline = time.monotonic() + seconds
    while not (value := get_value()):
        assert time.monotonic() < deadline, f"the condition was not met within {seconds} s"
        time.sleep(0.01)
    return value


def has_no_delivery(deliveries, open_id, seconds=0.3):
    """Return whether no delivery about the creator arrives for so many seconds."""
    deadline = time.monotonic() + seconds
    while (remaining := deadline - time.monotonic()) > 0:
        try:
            _, body = deliveries.get(timeout=remaining)
        except queue.Empty:
            return True
        if json.loads(body)["user_openid"] == open_id:
            return False
    return True


@contextmanager
def run_raw_sandbox():
    with record_deliveries() as (webhook_url, deliveries), run_sandbox(webhook_url) as url:
        yield RawSandboxClient(url, deliveries)
