"""A person at a platform's consent page: reads its one form and allows everything. Pure."""

from html.parser import HTMLParser
from urllib.parse import urljoin

Pairs = list[tuple[str, str]]


class Consent(HTMLParser):
    """The fields as they would be sent: what is ticked, the first choice of each list, Allow."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: Pairs = []
        self._list = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = at.get("action", "")
        elif tag == "select":
            self._list = at["name"]
        elif tag == "option" and self._list:
            self.fields.append((self._list, at["value"]))
            self._list = ""
        elif tag == "input" and ("checked" in at or at.get("type") == "hidden"):
            self.fields.append((at["name"], at["value"]))
        elif tag == "button" and at.get("value") == "allow":
            self.fields.append((at["name"], "allow"))

    def target(self, page: str) -> str:
        """Where it is sent; a form without an address goes back to its page."""
        return urljoin(page, self.action) if self.action else page
