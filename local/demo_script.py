"""The demo's steps over HTTP: sign in, connect an account of every platform, publish and follow.

What is published is data of each platform's sandbox. The result is checked in the database
afterwards, by `local.demo_check`.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console

from app.cli.upload import upload_file
from core.errors import OperationFailed
from local.browser import Browser
from local.sample_image import create_image
from local.sample_video import create_video
from local.sandboxes import SandboxDescription, load_sandboxes
from signalpost_client import Client
from signalpost_client.data_types import DetailedPostData, TimelineEventData

USABLE_STATE = "ACTIVE"
POST_TIMEOUT = 90.0  # seconds for one post, and for what is waited for after it
POLL_INTERVAL = 1.0  # seconds between two requests; an API key may send a hundred a minute

JsonDict = dict[str, Any]


@dataclass
class DemoScript:
    """`client` calls the API with a key, `browser` acts for the user who owns the key."""

    browser: Browser
    client: Client
    sandbox_url: str
    folder: Path
    console: Console
    post_ids: list[int] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def run(self, email: str, password: str) -> list[int]:
        """Play the script and return the ids of its posts.

        Errors: ClientError, OperationFailed, requests.RequestException.
        """
        self.browser.sign_in(email, password)
        self.print_line(f"signed in as {email}")
        for sandbox in load_sandboxes():
            self.connect_account(sandbox)
            self.publish_posts(sandbox)
        return self.post_ids

    def connect_account(self, sandbox: SandboxDescription) -> None:
        """Connect an account; where the login opens several, choose the first usable one."""
        title, login = sandbox.demo["title"], self.browser.connect(sandbox.platform)
        self.print_line(f"{title} connected through its consent page: login {login}")
        found = self.client.accounts.list_destinations(sandbox.platform)
        usable = [account for account in found if account["state"] == USABLE_STATE]
        if found:
            chosen_ids = [account["id"] for account in usable[:1]]
            self.client.accounts.select_destinations(sandbox.platform, chosen_ids)
            names = ", ".join(str(account["name"]) for account in found)
            chosen = usable[0]["name"] if usable else "none"
            self.print_line(f"{title} accounts found: {names}; chosen: {chosen}")

    def publish_posts(self, sandbox: SandboxDescription) -> None:
        for control in sandbox.demo.get("controls", ()):
            self.control_sandbox(control["path"], control["body"])
        for post in sandbox.demo["posts"]:
            request = self.upload_files(sandbox, post["request"])
            published = self.publish_and_follow(post["title"], post["path"], request)
            for reaction in post.get("reactions", ()):
                self.react(post["title"], reaction, published)

    def upload_files(self, sandbox: SandboxDescription, value: Any) -> Any:
        """Upload the files that a request names, and return it with their ids."""
        if isinstance(value, list):
            return [self.upload_files(sandbox, item) for item in value]
        if not isinstance(value, Mapping):
            return value
        if set(value) == {"media"}:
            return self.upload_sample(value["media"], sandbox.demo["files"][value["media"]])
        return {name: self.upload_files(sandbox, item) for name, item in value.items()}

    def upload_sample(self, name: str, form: Mapping[str, Any]) -> int:
        file = create_sample(self.folder, name, form)
        size = file.stat().st_size
        media_id = upload_file(self.client, file)
        file.unlink()
        self.print_line(f"{name}: {size:,} bytes uploaded to signalpost, media {media_id}")
        return media_id

    def publish_and_follow(self, title: str, path: str, request: JsonDict) -> DetailedPostData:
        """Request a post, print its timeline until its state is final, and return the post.

        A retry with the same idempotency key would return the same post. Errors: FollowTimeout.
        """
        headers = {"Idempotency-Key": secrets.token_hex(8), "Prefer": "respond-async"}
        response = self.client.request("POST", path, body=request, headers=headers)
        post_id = int(response["data"]["id"])
        self.post_ids.append(post_id)
        self.print_line(f"{title}: post {post_id} requested")
        printed = 0
        for post in self.client.posts.follow(
            post_id, timeout=POST_TIMEOUT, poll_interval=POLL_INTERVAL
        ):
            for event in post["events"][printed:]:
                self.print_line(f"{title}: {format_event(event)}")
            printed = len(post["events"])
        self.print_line(f"{title}: {format_result(post)}")
        return post

    def react(self, title: str, reaction: Mapping[str, Any], post: DetailedPostData) -> None:
        """Let somebody in the sandbox react to a post, and wait until our API shows it."""
        body = {
            name: value.format_map(post) if isinstance(value, str) else value
            for name, value in reaction["body"].items()
        }
        self.control_sandbox(reaction["path"], body)
        deadline = time.monotonic() + POST_TIMEOUT
        while body["text"] not in str(self.client.request("GET", reaction["shown_at"])):
            if time.monotonic() > deadline:
                raise OperationFailed(f"{title}: {reaction['shown_at']} does not show the reaction")
            self.client.transport.sleep(POLL_INTERVAL)
        self.print_line(f"{title}: {reaction['title']}: {body['text']}")

    def control_sandbox(self, path: str, body: Mapping[str, Any]) -> None:
        url = f"{self.sandbox_url}/_sandbox/{path}"
        requests.post(url, json=body, timeout=POST_TIMEOUT).raise_for_status()

    def print_line(self, text: str) -> None:
        elapsed = f"[dim]{time.monotonic() - self.started:6.1f} s[/]"
        self.console.print(f"{elapsed}  {text}", soft_wrap=True)


def create_sample(folder: Path, name: str, form: Mapping[str, Any]) -> Path:
    """Write the file that a demo describes: a picture, or a video of at least `size` bytes."""
    if form["kind"] == "image":
        return create_image(folder / f"{name}.jpg", colour=tuple(form["colour"]))
    return create_video(folder / f"{name}.mp4", size=form.get("size", 0))


def format_event(event: TimelineEventData) -> str:
    transition = " → ".join(state for state in (event["from"], event["to"]) if state)
    return "  ".join(part for part in (event["kind"], transition, event["note"]) if part)


def format_result(post: DetailedPostData) -> str:
    """Return the post's state, its address if it has one, and how many bytes were sent."""
    sent = post["progress"]["bytes_sent"]
    parts = (post["state"], post["permalink"], f"{sent:,} bytes sent" if sent else None)
    return ", ".join(part for part in parts if part)
