"""The demo's steps over HTTP: sign in, connect an account of every platform, publish and follow.

What is published is data of each platform's sandbox. The result is checked in the database
afterwards, by `local.demo_check`.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console

from app.cli.api_client import ApiClient
from app.cli.upload import upload_file
from core.errors import OperationFailed
from local.browser import Browser
from local.sample_image import create_image
from local.sample_video import create_video
from local.sandboxes import SandboxDescription, load_sandboxes

FINAL_STATES = frozenset({"PUBLISHED", "FAILED", "CANCELLED"})
USABLE_STATE = "ACTIVE"
POST_TIMEOUT = 90.0  # seconds for one post, and for what is waited for after it
POLL_INTERVAL = 1.0  # seconds between two requests; an API key may send a hundred a minute

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
        for sandbox in load_sandboxes():
            self.connect_account(sandbox)
            self.publish_posts(sandbox)
        return self.post_ids

    def connect_account(self, sandbox: SandboxDescription) -> None:
        """Connect an account; where the login opens several, choose the first usable one."""
        title, login = sandbox.demo["title"], self.browser.connect(sandbox.platform)
        self.print_line(f"{title} connected through its consent page: login {login}")
        path = f"/api/platforms/{sandbox.platform}"
        found = self.client.request_json("GET", f"{path}/accounts")["data"]
        usable = [account for account in found if account["state"] == USABLE_STATE]
        if found:
            body = {"accountIds": [account["id"] for account in usable[:1]]}
            self.client.request_json("POST", f"{path}/select", json_body=body)
            names = ", ".join(account["name"] for account in found)
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

    def publish_and_follow(self, title: str, path: str, request: JsonDict) -> JsonDict:
        """Request a post, print its timeline until its state is final, and return the post.

        A retry with the same idempotency key would return the same post.
        Errors: OperationFailed if that takes too long, or after a signal to stop.
        """
        headers = {"Idempotency-Key": secrets.token_hex(8), "Prefer": "respond-async"}
        response = self.client.request_json("POST", path, json_body=request, headers=headers)
        post_id = int(response["data"]["id"])
        self.post_ids.append(post_id)
        self.print_line(f"{title}: post {post_id} requested")
        printed, wait = 0, self.start_waiting(f"post {post_id} is not finished")
        while True:
            post: JsonDict = self.client.request_json("GET", f"/api/posts/{post_id}")["data"]
            for event in post["events"][printed:]:
                self.print_line(f"{title}: {format_event(event)}")
            printed = len(post["events"])
            if post["state"] in FINAL_STATES:
                self.print_line(f"{title}: {format_result(post)}")
                return post
            wait(f"its state is {post['state']}")

    def react(self, title: str, reaction: Mapping[str, Any], post: JsonDict) -> None:
        """Let somebody in the sandbox react to a post, and wait until our API shows it."""
        body = {
            name: value.format_map(post) if isinstance(value, str) else value
            for name, value in reaction["body"].items()
        }
        self.control_sandbox(reaction["path"], body)
        wait = self.start_waiting(f"{title}: {reaction['shown_at']} does not show the reaction")
        while body["text"] not in str(self.client.request_json("GET", reaction["shown_at"])):
            wait(f"its text is {body['text']}")
        self.print_line(f"{title}: {reaction['title']}: {body['text']}")

    def control_sandbox(self, path: str, body: Mapping[str, Any]) -> None:
        url = f"{self.sandbox_url}/_sandbox/{path}"
        requests.post(url, json=body, timeout=POST_TIMEOUT).raise_for_status()

    def start_waiting(self, what: str) -> Callable[[str], None]:
        """Return a function that waits a moment.

        It raises OperationFailed with its argument when too much time has passed since now, or
        after a signal to stop.
        """
        deadline = time.monotonic() + POST_TIMEOUT

        def wait(why: str) -> None:
            if self.should_stop() or time.monotonic() > deadline:
                raise OperationFailed(f"{what}: {why}")
            time.sleep(POLL_INTERVAL)

        return wait

    def print_line(self, text: str) -> None:
        elapsed = f"[dim]{time.monotonic() - self.started:6.1f} s[/]"
        self.console.print(f"{elapsed}  {text}", soft_wrap=True)


def create_sample(folder: Path, name: str, form: Mapping[str, Any]) -> Path:
    """Write the file that a demo describes: a picture, or a video of at least `size` bytes."""
    if form["kind"] == "image":
        return create_image(folder / f"{name}.jpg", colour=tuple(form["colour"]))
    return create_video(folder / f"{name}.mp4", size=form.get("size", 0))


def format_event(event: JsonDict) -> str:
    transition = " → ".join(state for state in (event["from"], event["to"]) if state)
    return "  ".join(part for part in (event["kind"], transition, event["note"]) if part)


def format_result(post: JsonDict) -> str:
    """Return the post's state, its address if it has one, and how many bytes were sent."""
    sent = post["progress"]["bytes_sent"]
    parts = (post["state"], post["permalink"], f"{sent:,} bytes sent" if sent else None)
    return ", ".join(part for part in parts if part)
