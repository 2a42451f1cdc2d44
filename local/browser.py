"""A scripted browser for the demo: signs in and connects an account through a consent page."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

from core.errors import OperationFailed

FieldPairs = list[tuple[str, str]]

REQUEST_OPTIONS: dict[str, Any] = {"timeout": (3.0, 30.0), "allow_redirects": False}
"""Seconds to connect and to read. Redirects are followed here, one by one."""


class Browser:
    """A session with cookies at one web process. Errors of all methods: OperationFailed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def sign_in(self, email: str, password: str) -> None:
        credentials = {"email": email, "password": password}
        response = self._session.post(
            f"{self._url}/api/auth/login", json=credentials, **REQUEST_OPTIONS
        )
        if not response.ok:
            raise OperationFailed(
                f"signing in as {email} failed: the server returned {response.status_code}"
            )

    def connect(self, platform: str) -> int:
        """Connect an account through the platform's consent page and return the account's id."""
        page = self._follow_redirects(
            self._session.get(f"{self._url}/api/auth/{platform}", **REQUEST_OPTIONS)
        )
        consent = ConsentForm(page.text)
        target = consent.action_url(page.url)
        response = self._follow_redirects(
            self._session.post(target, consent.fields, **REQUEST_OPTIONS)
        )
        query = urlsplit(response.url).query
        account_ids = parse_qs(query).get("account")
        if not account_ids:
            raise OperationFailed(f"{platform} was not connected: {query}")
        return int(account_ids[0])

    def _follow_redirects(self, response: requests.Response) -> requests.Response:
        while response.is_redirect:
            location = urljoin(response.url, response.headers["Location"])
            response = self._session.get(location, **REQUEST_OPTIONS)
        return response


class ConsentForm(HTMLParser):
    """Parses a consent page with one form.

    `fields` are what a browser would submit: ticked boxes, hidden inputs, the first option of each
    list and the button "allow".
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: FieldPairs = []
        self._select_name = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = attributes.get("action", "")
        elif tag == "select":
            self._select_name = attributes["name"]
        elif tag == "option" and self._select_name:
            self.fields.append((self._select_name, attributes["value"]))
            self._select_name = ""
        elif tag == "input" and ("checked" in attributes or attributes.get("type") == "hidden"):
            self.fields.append((attributes["name"], attributes["value"]))
        elif tag == "button" and attributes.get("value") == "allow":
            self.fields.append((attributes["name"], "allow"))

    def action_url(self, page_url: str) -> str:
        """Return where the form is submitted: without an action, to the URL of its page."""
        return urljoin(page_url, self.action) if self.action else page_url
