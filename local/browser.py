"""A person at a browser: signs in, allows a platform's consent page, comes back connected."""

from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from core.errors import Failed
from local.consent import Consent

STEP: dict[str, Any] = {"timeout": (3.0, 30.0), "allow_redirects": False}


class Browser:
    """Keeps cookies, follows redirects one by one. Errors of all: Failed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def sign_in(self, email: str, password: str) -> None:
        words = {"email": email, "password": password}
        answer = self._session.post(f"{self._url}/api/auth/login", json=words, **STEP)
        if not answer.ok:
            raise Failed(f"signing in was answered {answer.status_code}")

    def connect(self, platform: str) -> int:
        """The id of the connected account."""
        page = self._follow(self._session.get(f"{self._url}/api/auth/{platform}", **STEP))
        consent = Consent(page.text)
        target = consent.target(page.url)
        back = self._follow(self._session.post(target, consent.fields, **STEP))
        account = parse_qs(urlsplit(back.url).query).get("account")
        if not account:
            raise Failed(f"{platform} was not connected: {urlsplit(back.url).query}")
        return int(account[0])

    def _follow(self, answer: requests.Response) -> requests.Response:
        while answer.is_redirect:
            there = urljoin(answer.url, answer.headers["Location"])
            answer = self._session.get(there, **STEP)
        return answer
