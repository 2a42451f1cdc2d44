"""A guest of the house: a creator with a connected account, and the program that posts for them.

Speaks HTTP alone; what was really published is asked of the sandbox, never of the house.
"""

import base64
import secrets
import tempfile
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from local.film import shoot
from tests.flows.brokers import until
from tests.platforms.film import padded
from tests.platforms.stage import Form, Stage

TUS = {"Tus-Resumable": "1.0.0"}
DIRECT = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}
PULL = {"source": "PULL_FROM_URL", "videoUrl": "https://videos.example.com/film.mp4"}
FINAL = {"PUBLISHED", "FAILED", "CANCELLED"}
SMALL, BIG = 200_000, 65_000_000  # bytes: one chunk, six chunks
TIMEOUT = 30.0  # seconds; the first of two would be all there is for sending a film


@cache
def the_film():
    """Shot once: encoding takes longer than everything else."""
    with tempfile.TemporaryDirectory() as folder:
        return shoot(Path(folder) / "film.mp4").read_bytes()


def a_film(size=SMALL):
    return padded(the_film(), size)


@dataclass
class Guest:
    """`account` is the connected account's id with us, `creator` its owner's id at TikTok."""

    url: str
    sandbox: Stage
    creator: str
    browser: requests.Session
    program: requests.Session
    account: int = 0
    films: dict = field(default_factory=dict)

    def ask(self, method, path, **more):
        return self.program.request(method, urljoin(self.url, path), timeout=TIMEOUT, **more)

    def told(self, method, path, **more):
        answer = self.ask(method, path, **more)
        assert answer.ok, f"{answer.status_code} {answer.text}"
        return answer.json()

    def connect(self):
        """Through the platform's consent page and back, as a browser does it."""
        page = self.browser.get(f"{self.url}/api/auth/tiktok?switch=1", timeout=TIMEOUT)
        form = Form(self.creator)
        form.feed(page.text)
        pressed = [form.allow] if form.allow else []
        step = {"timeout": TIMEOUT, "allow_redirects": False}
        answer = self.browser.post(page.url, [*form.fields, *pressed], **step)
        while answer.is_redirect:
            answer = self.browser.get(urljoin(answer.url, answer.headers["Location"]), **step)
        found = parse_qs(urlsplit(answer.url).query).get("account")
        assert found, answer.url
        self.account = int(found[0])

    def file(self, size=SMALL):
        """The id of a film of that many bytes which is with us, uploaded by tus."""
        data = a_film(size)
        name = base64.b64encode(b"film.mp4").decode()
        kind = base64.b64encode(b"video/mp4").decode()
        announced = {
            "Upload-Length": str(size),
            "Upload-Metadata": f"filename {name},filetype {kind}",
        }
        made = self.ask("POST", "/api/media", headers={**TUS, **announced})
        assert made.status_code == HTTPStatus.CREATED, made.text
        place = made.headers["Location"]
        piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        answer = self.ask("PATCH", place, headers={**TUS, **piece}, data=data)
        assert answer.status_code == HTTPStatus.NO_CONTENT, answer.text
        media = int(place.rpartition("/")[2])
        self.films[media] = data
        return media

    def request(self, *, key=None, wait=False, **wish):
        """The answer to a wish. Without `wait` nobody stays for the first step."""
        told = {"Idempotency-Key": key or secrets.token_hex(8)}
        prefer = {} if wait else {"Prefer": "respond-async"}
        wished = {"account_id": self.account, "title": secrets.token_hex(8), **wish}
        return self.ask("POST", "/api/tiktok/upload", json=wished, headers={**told, **prefer})

    def wish(self, **wish):
        """The id of a post that was accepted."""
        answer = self.request(**wish)
        assert answer.status_code in {HTTPStatus.OK, HTTPStatus.ACCEPTED}, answer.text
        return answer.json()["data"]["id"]

    def send(self, size=SMALL, **wish):
        """A direct post of a film that is with us."""
        media = self.file(size)
        return self.wish(source="FILE_UPLOAD", media_id=media, **{**DIRECT, **wish})

    def post(self, post_id):
        return self.told("GET", f"/api/posts/{post_id}")["data"]

    def state(self, post_id):
        """Also while the house is in trouble: then it is whatever it was, and not an end."""
        try:
            answer = self.ask("GET", f"/api/posts/{post_id}")
        except requests.RequestException:
            return "no answer"
        return answer.json()["data"]["state"] if answer.ok else f"no answer: {answer.status_code}"

    def ended(self, post_id, *, within=30.0):
        """The post once its state is final."""
        until(
            lambda: self.state(post_id) in FINAL, within=within, what=f"the end of post {post_id}"
        )
        return self.post(post_id)

    def platform_posts(self):
        """This creator's posts as the platform has them."""
        posts = self.sandbox.control("posts")["posts"]
        return [post for post in posts if post["open_id"] == self.creator]

    def publications(self):
        """How often anything of this creator's was really published."""
        return sum(post["published"] for post in self.platform_posts())

    def calls(self, endpoint):
        """The calls the platform heard about this creator."""
        return [each for each in self.sandbox.log(endpoint) if each.get("open_id") == self.creator]


def a_guest(told, sandbox, **traits):
    """A new creator, connected; `told` is the line of `signalpost up`."""
    creator = "-000" + secrets.token_urlsafe(16)
    sandbox.control("creators", open_id=creator, **traits)
    browser, program = requests.Session(), requests.Session()
    program.headers["Authorization"] = f"Bearer {told['api_key']}"
    words = {"json": {"email": told["user"], "password": told["password"]}, "timeout": TIMEOUT}
    login = f"{told['web']}/api/auth/login"
    # Nobody may sign in while Redis cannot count the tries, and a moment longer.
    until(lambda: browser.post(login, **words).ok, what="a login")
    guest = Guest(told["web"], sandbox, creator, browser, program)
    guest.connect()
    return guest
