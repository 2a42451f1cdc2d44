"""The demo's story: an account is connected, films go out, and each is really published.

Told through HTTP alone, as a client would; what became of it is asked elsewhere.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console

from app.commands.upload import brought
from app.commands.wire import Wire
from core.errors import Failed
from local.browser import Browser
from local.film import shoot

BIG = 66 * 1024 * 1024  # bytes: more than TikTok takes in one chunk
ELSEWHERE = "videos.example.com"
FINAL = frozenset({"PUBLISHED", "FAILED", "CANCELLED"})
PATIENCE = 90.0  # seconds for one film
LOOK = 1.0  # seconds between two questions; a key may ask a hundred a minute
DIRECT = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}

Json = dict[str, Any]


@dataclass
class Story:
    """`wire` is the way of a program with a key, `browser` that of its user."""

    browser: Browser
    wire: Wire
    sandbox: str
    folder: Path
    console: Console
    stopping: Callable[[], bool]
    posts: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def tell(self, email: str, password: str) -> list[int]:
        """The ids of its posts. Errors: Away, Failed."""
        self.browser.sign_in(email, password)
        self.say(f"signed in as {email}")
        account = self.browser.connect("tiktok")
        self.say(f"TikTok connected through its consent page: account {account}")
        self.from_file("a small film", shoot(self.folder / "small.mp4"))
        self.from_file("a film in chunks", shoot(self.folder / "big.mp4", size=BIG))
        self.from_url("a film at an address")
        return self.posts

    def from_file(self, title: str, film: Path) -> None:
        size = film.stat().st_size
        media = brought(self.wire, film)
        film.unlink()
        self.say(f"{title}: {size:,} bytes are with us, media {media}")
        self.follow(title, {"source": "FILE_UPLOAD", "media_id": media, **DIRECT})
        sent = self.wire.ask("GET", f"/api/tiktok/upload/{self.posts[-1]}/progress")["data"]
        self.say(f"{title}: {sent['bytes_sent']:,} bytes went to TikTok, chunks: {sent['chunk']}")

    def from_url(self, title: str) -> None:
        """The sandbox plays the download; that the host is ours, TikTok wants to be told first."""
        owned = {"verified_urls": ELSEWHERE}
        requests.post(f"{self.sandbox}/_sandbox/settings", json=owned, timeout=PATIENCE)
        url = f"https://{ELSEWHERE}/film.mp4"
        self.follow(title, {"source": "PULL_FROM_URL", "videoUrl": url, **DIRECT})

    def follow(self, title: str, wish: Json) -> None:
        """From the request to the end, with every line of its timeline as it appears."""
        post_id = self.requested({"title": title, **wish})
        self.say(f"{title}: post {post_id} requested")
        told, end = 0, time.monotonic() + PATIENCE
        while True:
            shown = self.wire.ask("GET", f"/api/posts/{post_id}")["data"]
            for event in shown["events"][told:]:
                self.say(f"{title}: {sentence(event)}")
            told = len(shown["events"])
            if shown["state"] in FINAL:
                return
            if self.stopping() or time.monotonic() > end:
                raise Failed(f"post {post_id} is still {shown['state']}")
            time.sleep(LOOK)

    def requested(self, wish: Json) -> int:
        """The same again under the same key would make no second post."""
        once = {"Idempotency-Key": secrets.token_hex(8)}
        answer = self.wire.ask("POST", "/api/tiktok/upload", said=wish, headers=once)
        self.posts.append(int(answer["data"]["id"]))
        return self.posts[-1]

    def say(self, words: str) -> None:
        passed = f"[dim]{time.monotonic() - self.began:6.1f} s[/]"
        self.console.print(f"{passed}  {words}", soft_wrap=True)


def sentence(event: Json) -> str:
    way = " → ".join(state for state in (event["from"], event["to"]) if state)
    return "  ".join(part for part in (event["kind"], way, event["note"]) if part)
