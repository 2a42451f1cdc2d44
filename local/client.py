"""A client of our HTTP interface, as anybody would write one. Knows nothing of the inside."""

import base64
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from local.consent import Consent

TIMEOUT = (3.0, 30.0)  # seconds to connect, to answer
PIECE = 8 * 1024 * 1024  # bytes of a resumable upload in one request
TUS = {"Tus-Resumable": "1.0.0"}
Json = dict[str, Any]


class Refused(Exception):
    """The house said no; with its own words."""


class Client:
    """A browser for what a person does, and a key for what their program does."""

    def __init__(self, url: str, api_key: str) -> None:
        self.url = url
        self._browser = requests.Session()
        self._program = requests.Session()
        self._program.headers["Authorization"] = f"Bearer {api_key}"

    def close(self) -> None:
        self._browser.close()
        self._program.close()

    def sign_in(self, email: str, password: str) -> None:
        words = {"email": email, "password": password}
        url = f"{self.url}/api/auth/login"
        answered(self._browser.post(url, json=words, timeout=TIMEOUT))

    def connect(self, platform: str) -> int:
        """Through the platform's consent page and back; the id of the connected account."""
        page = self._browser.get(f"{self.url}/api/auth/{platform}", timeout=TIMEOUT)
        consent = Consent(answered(page).text)
        self._browser.headers["Referer"] = page.url
        target = consent.target(page.url)
        back = self._follow(self._browser.post(target, consent.fields, **STEP))
        account = parse_qs(urlsplit(back).query).get("account")
        if not account:
            raise Refused(f"not connected: {back}")
        return int(account[0])

    def _follow(self, answer: requests.Response) -> str:
        """Redirect by redirect; the address of the last page."""
        while answer.is_redirect:
            here = urljoin(answer.url, answer.headers["Location"])
            answer = self._browser.get(here, **STEP)
        return answer.url

    def put(self, film: Path, moved: Callable[[int], None]) -> int:
        """Resumable, piece by piece (tus 1.0); the id of the file."""
        size = film.stat().st_size
        name = base64.b64encode(film.name.encode()).decode()
        kind = base64.b64encode(b"video/mp4").decode()
        told = {"Upload-Length": str(size), "Upload-Metadata": f"filename {name},filetype {kind}"}
        made = self._ask("POST", "/api/media", headers={**TUS, **told})
        place, offset = made.headers["Location"], 0
        with film.open("rb") as file:
            while offset < size:
                offset = self._piece(place, offset, file.read(PIECE))
                file.seek(offset)
                moved(offset)
        return int(urlsplit(place).path.rpartition("/")[2])

    def _piece(self, place: str, offset: int, data: bytes) -> int:
        told = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        answer = self._ask("PATCH", place, headers={**TUS, **told}, data=data)
        return int(answer.headers["Upload-Offset"])

    def publish(self, wish: Json, *, key: str) -> int:
        """The id of the post; sending the same again under the same key makes no second one."""
        answer = self._ask(
            "POST", "/api/tiktok/upload", json=wish, headers={"Idempotency-Key": key}
        )
        return int(answer.json()["data"]["id"])

    def post(self, post_id: int) -> Json:
        shown: Json = self._ask("GET", f"/api/posts/{post_id}").json()["data"]
        return shown

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """As long as we are only told to come back later, we do."""
        url = urljoin(self.url, path)
        while True:
            answer = self._program.request(method, url, timeout=TIMEOUT, **more)
            if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                return answered(answer)
            time.sleep(float(answer.headers.get("Retry-After", 1)))


STEP: Json = {"timeout": TIMEOUT, "allow_redirects": False}


def answered(answer: requests.Response) -> requests.Response:
    """Errors: Refused, with what the answer says; our answers hold no secrets."""
    if not answer.ok:
        raise Refused(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}")
    return answer
