"""A person whose Instagram account is connected, and the API client that posts for them.

Uses HTTP only. What was really published is read from the sandbox, never from the stack.
"""

import base64
import io
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from PIL import Image

from tests.flows.api_user import (
    REQUEST_TIMEOUT,
    SMALL_FILE_BYTES,
    TUS_HEADERS,
    ApiUser,
    make_video,
)
from tests.flows.brokers import wait_until

IMAGE_URL, VIDEO_URL = "https://cdn.example/a.jpg", "https://cdn.example/a.mp4"
FAST_INSTAGRAM = {
    "image_seconds": 0.0,
    "video_seconds": 0.0,
    "redelivery_seconds": 0.5,
    "strict_media": False,  # the sample video has been padded
}


def make_image(width=640, height=640):
    file = io.BytesIO()
    Image.new("RGB", (width, height), (37, 150, 190)).save(file, "JPEG")
    return file.getvalue()


@dataclass
class InstagramUser(ApiUser):
    """`open_id` is the person at the platform, `ig_id` the account that is posted to.

    `destination_id` is our id of that account.
    """

    ig_id: str = ""
    destination_id: int = 0

    def connect(self):
        """Sign in at the platform and come back, as a browser does."""
        page = self.browser_session.get(
            f"{self.url}/api/auth/instagram?switch=1", timeout=REQUEST_TIMEOUT
        )
        answer = self.sandbox.control("instagram/consent", url=page.url, login=self.open_id)
        address = answer["redirect"]
        while True:
            response = self.browser_session.get(
                address, timeout=REQUEST_TIMEOUT, allow_redirects=False
            )
            if not response.is_redirect:
                break
            address = urljoin(address, response.headers["Location"])
        account_ids = parse_qs(urlsplit(response.url).query).get("account")
        assert account_ids, f"{response.url} {response.text[:500]}"
        self.account_id = int(account_ids[0])
        rows = self.call_json("GET", "/api/platforms/instagram/accounts")["data"]
        (own,) = [row for row in rows if row["externalId"] == self.ig_id]
        self.destination_id = own["id"]

    def upload_image(self):
        return self.upload_bytes(make_image(), "image.jpg", "image/jpeg")

    def upload_video(self, size=SMALL_FILE_BYTES):
        return self.upload_bytes(make_video(size), "video.mp4", "video/mp4")

    def upload_bytes(self, data, name, content_type):
        """Upload a file to us with tus and return its media id."""
        pairs = {"filename": name, "filetype": content_type}
        metadata = ",".join(
            f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items()
        )
        headers = {**TUS_HEADERS, "Upload-Length": str(len(data)), "Upload-Metadata": metadata}
        created = self.call("POST", "/api/media", headers=headers)
        assert created.status_code == HTTPStatus.CREATED, created.text
        location = created.headers["Location"]
        chunk_headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        response = self.call("PATCH", location, headers={**TUS_HEADERS, **chunk_headers}, data=data)
        assert response.status_code == HTTPStatus.NO_CONTENT, response.text
        return int(location.rpartition("/")[2])

    def request_post(self, *, key=None, wait=False, **fields):
        """Send a request for a post and return the response."""
        headers = {"Idempotency-Key": key or secrets.token_hex(8)}
        prefer = {} if wait else {"Prefer": "respond-async"}
        body = {
            "platform": "instagram",
            "destination_id": self.destination_id,
            "text": secrets.token_hex(8),
            **fields,
        }
        return self.call("POST", "/api/posts", json=body, headers={**headers, **prefer})

    def list_platform_posts(self):
        """Return this account's posts at the platform."""
        posts = self.sandbox.control("instagram/media")["media"]
        return [post for post in posts if post["account_id"] == self.ig_id]

    def count_publications(self):
        return len(self.list_platform_posts())

    def list_containers(self):
        containers = self.sandbox.control("instagram/containers")["containers"]
        return [each for each in containers if each["account_id"] == self.ig_id]


def create_instagram_user(info, sandbox):
    """Create a person with one account in the sandbox and connect it."""
    ids = sandbox.control("instagram/people", pages=[{"account": {"followers_count": 500}}])
    browser_session, api_session = requests.Session(), requests.Session()
    api_session.headers["Authorization"] = f"Bearer {info['api_key']}"
    login = {"email": info["user"], "password": info["password"]}
    login_url = f"{info['web']}/api/auth/login"
    wait_until(
        lambda: browser_session.post(login_url, json=login, timeout=REQUEST_TIMEOUT).ok,
        what="a login",
    )
    user = InstagramUser(
        info["web"],
        sandbox,
        ids["person_id"],
        browser_session,
        api_session,
        ig_id=ids["account_ids"][0],
    )
    user.connect()
    return user
