"""The demo's steps over HTTP: sign in, connect an account, publish three videos and follow them.

The result is checked in the database afterwards, by `local.demo_check`.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console

from app.cli.api_client import ApiClient
from app.cli.upload import upload_file
from core.errors import OperationFailed
from local.browser import Browser
from local.sample_video import create_video

CHUNKED_VIDEO_BYTES = 66 * 1024 * 1024  # bytes; more than TikTok takes in one chunk
PULL_HOST = "videos.example.com"
FINAL_STATES = frozenset({"PUBLISHED", "FAILED", "CANCELLED"})
POST_TIMEOUT = 90.0  # seconds for one video
POLL_INTERVAL = 1.0  # seconds between two requests; an API key may send a hundred a minute
DIRECT_POST_FIELDS = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}

JsonDict = dict[str, Any]


@dataclass
class DemoScript:
    """`client` calls the API with a key, `browser` acts for the user who owns the key."""

    browser: Browser
    client: ApiClient
    sandbox_url: str
    folder: Path
    console: Console
    should_stop: Callable[[], bool]
    post_ids: list[int] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def run(self, email: str, password: str) -> list[int]:
        """Play the script and return the ids of its posts.

        Errors: ServiceUnavailable, OperationFailed, requests.RequestException.
        """
        self.browser.sign_in(email, password)
        self.print_line(f"signed in as {email}")
        account = self.browser.connect("tiktok")
        self.print_line(f"TikTok connected through its consent page: account {account}")
        self.publish_file("a small video", create_video(self.folder / "small.mp4"))
        self.publish_file(
            "a video in chunks", create_video(self.folder / "big.mp4", size=CHUNKED_VIDEO_BYTES)
        )
        self.publish_url("a video from a URL")
        return self.post_ids

    def publish_file(self, title: str, video: Path) -> None:
        size = video.stat().st_size
        media_id = upload_file(self.client, video)
        video.unlink()
        self.print_line(f"{title}: {size:,} bytes uploaded to signalpost, media {media_id}")
        self.publish_and_follow(
            title, {"source": "FILE_UPLOAD", "media_id": media_id, **DIRECT_POST_FIELDS}
        )
        progress = self.client.request_json(
            "GET", f"/api/tiktok/upload/{self.post_ids[-1]}/progress"
        )["data"]
        self.print_line(
            f"{title}: {progress['bytes_sent']:,} bytes sent to TikTok, chunks: {progress['chunk']}"
        )

    def publish_url(self, title: str) -> None:
        """Publish from a URL on a host that TikTok has verified. The sandbox fakes the download."""
        settings = {"verified_urls": PULL_HOST}
        requests.post(f"{self.sandbox_url}/_sandbox/settings", json=settings, timeout=POST_TIMEOUT)
        url = f"https://{PULL_HOST}/video.mp4"
        self.publish_and_follow(
            title, {"source": "PULL_FROM_URL", "videoUrl": url, **DIRECT_POST_FIELDS}
        )

    def publish_and_follow(self, title: str, request: JsonDict) -> None:
        """Request a post and print its timeline until its state is final.

        Errors: OperationFailed if that takes too long, or after a signal to stop.
        """
        post_id = self.request_upload({"title": title, **request})
        self.print_line(f"{title}: post {post_id} requested")
        printed, deadline = 0, time.monotonic() + POST_TIMEOUT
        while True:
            post = self.client.request_json("GET", f"/api/posts/{post_id}")["data"]
            for event in post["events"][printed:]:
                self.print_line(f"{title}: {format_event(event)}")
            printed = len(post["events"])
            if post["state"] in FINAL_STATES:
                return
            if self.should_stop() or time.monotonic() > deadline:
                raise OperationFailed(
                    f"post {post_id} is not finished: its state is {post['state']}"
                )
            time.sleep(POLL_INTERVAL)

    def request_upload(self, request: JsonDict) -> int:
        """Send an upload request and return the post's id.

        A retry with the same idempotency key would return the same post.
        """
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        response = self.client.request_json(
            "POST", "/api/tiktok/upload", json_body=request, headers=headers
        )
        self.post_ids.append(int(response["data"]["id"]))
        return self.post_ids[-1]

    def print_line(self, text: str) -> None:
        elapsed = f"[dim]{time.monotonic() - self.started:6.1f} s[/]"
        self.console.print(f"{elapsed}  {text}", soft_wrap=True)


def format_event(event: JsonDict) -> str:
    transition = " → ".join(state for state in (event["from"], event["to"]) if state)
    return "  ".join(part for part in (event["kind"], transition, event["note"]) if part)
