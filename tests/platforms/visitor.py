"""A visitor of the sandbox who speaks plain HTTP, and so may say what no adapter would."""

import http.client
import json
import queue
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.platforms.stage import (
    CLIENT_KEY,
    CLIENT_SECRET,
    REDIRECT,
    Stage,
    browse,
    mailbox,
    sandbox,
)

ALL = "user.info.basic,user.info.profile,user.info.stats,video.list,video.upload,video.publish"
MP4 = b"\0\0\0\x18ftypisom" + bytes(988)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json; charset=UTF-8"}
DIRECT, INBOX = "/v2/post/publish/video/init/", "/v2/post/publish/inbox/video/init/"
PRIVATE = {"privacy_level": "SELF_ONLY"}


@dataclass
class Answer:
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
class Person:
    open_id: str
    access: str
    refresh: str
    answer: dict


@dataclass
class Visitor(Stage):
    pile: list = field(default_factory=list)  # deliveries that nobody asked for yet

    def ask(self, method, path, body=None, headers=None, token=None):
        at = urlsplit(path if "://" in path else self.url + path)
        connection = http.client.HTTPConnection(at.hostname, at.port, timeout=10)
        head = dict(headers or {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            connection.request(method, at.path + ("?" + at.query if at.query else ""), body, head)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def query(self, **changes):
        usual = {
            "client_key": CLIENT_KEY,
            "scope": ALL,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "state": "abc",
        }
        wanted = {key: value for key, value in (usual | changes).items() if value is not None}
        return f"{self.url}/v2/auth/authorize/?{urlencode(wanted)}"

    def decide(self, open_id, decision="allow", scopes=ALL, **changes):
        """What the callback is told, and how it is written."""
        ticks = [("scopes", scope) for scope in scopes.split(",")]
        fields = urlencode([("creator", open_id), ("decision", decision), *ticks])
        status, headers, text = browse(self.query(**changes), fields.encode())
        assert status == 302, text
        raw = urlsplit(headers["Location"]).query
        return {key: value[0] for key, value in parse_qs(raw).items()}, raw

    def someone(self, open_id=None, **traits):
        open_id = open_id or f"-000{time.monotonic_ns():x}"
        self.control("creators", open_id=open_id, **traits)
        return open_id

    def oauth(self, endpoint="token", **changes):
        usual = {"client_key": CLIENT_KEY, "client_secret": CLIENT_SECRET}
        fields = {key: value for key, value in (usual | changes).items() if value is not None}
        return self.ask("POST", f"/v2/oauth/{endpoint}/", urlencode(fields), FORM)

    def exchange(self, code, /, **changes):
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
        return self.oauth(**(fields | changes))

    def refresh(self, token):
        return self.oauth(grant_type="refresh_token", refresh_token=token)

    def connect(self, scopes=ALL, **traits):
        told, _ = self.decide(self.someone(**traits), scopes=scopes)
        answer = self.exchange(told["code"]).json
        return Person(answer["open_id"], answer["access_token"], answer["refresh_token"], answer)

    def api(self, path, person, body=None):
        token = person.access if isinstance(person, Person) else person
        return self.ask("POST", path, json.dumps(body) if body is not None else "", JSON, token)

    def inbox(self, person, size=1000, **source):
        return self.api(INBOX, person, {"source_info": a_file(size, **source)})

    def direct(self, person, size=1000, source=None, **info):
        body = {"post_info": PRIVATE | info, "source_info": source or a_file(size)}
        return self.api(DIRECT, person, body)

    def put(self, url, data, first=0, total=None, **headers):
        last, total = first + len(data) - 1, total or len(data)
        usual = {"Content-Type": "video/mp4", "Content-Range": f"bytes {first}-{last}/{total}"}
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        wanted = {key: value for key, value in (usual | given).items() if value is not None}
        return self.ask("PUT", url, data, wanted)

    def status(self, person, publish_id):
        return self.api("/v2/post/publish/status/fetch/", person, {"publish_id": publish_id})

    def uploaded(self, person, data=MP4, **info):
        """A post whose bytes are all in and processed."""
        started = (self.direct if info else self.inbox)(person, len(data), **info).data
        assert self.put(started["upload_url"], data).status == 201
        self.settle()
        return started["publish_id"]

    def settle(self, seconds=0):
        self.control("clock", advance=seconds)

    def told(self, open_id, event=None):
        """The first delivery about that creator, as (headers, body); others wait their turn."""
        while True:
            for delivery in self.pile:
                envelope = json.loads(delivery[1])
                if envelope["user_openid"] == open_id and event in {None, envelope["event"]}:
                    self.pile.remove(delivery)
                    return delivery
            self.pile.append(self.mail.get(timeout=10))

    def post(self, publish_id):
        return next(
            one for one in self.control("posts")["posts"] if one["publish_id"] == publish_id
        )


def a_file(size, chunk=None, count=1, **changes):
    plan = {"video_size": size, "chunk_size": chunk or size, "total_chunk_count": count}
    return {"source": "FILE_UPLOAD", **plan, **changes}


def content(delivery):
    _, body = delivery
    return json.loads(json.loads(body)["content"])


def eventually(found, seconds=5.0):
    """The first true value of `found()`."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
    return value


def nothing_comes(mail, open_id, seconds=0.3):
    """That nobody writes about the creator for a while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            _, body = mail.get(timeout=left)
        except queue.Empty:
            return True
        if json.loads(body)["user_openid"] == open_id:
            return False
    return True


@contextmanager
def a_visit():
    with mailbox() as (webhook_url, mail), sandbox(webhook_url) as url:
        yield Visitor(url, mail)
