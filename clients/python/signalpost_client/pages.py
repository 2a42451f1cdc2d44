"""Lists of the API, which are read page by page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from signalpost_client.transport import Transport, parse_object

T = TypeVar("T")
CURSOR_NAMES = ("next_cursor", "nextCursor")


@dataclass(frozen=True)
class ListPage(Generic[T]):
    """One page. `next_cursor` leads to the next one; None on the last. `envelope` is all of it."""

    rows: list[T]
    next_cursor: str | None
    envelope: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class PagedList(Generic[T]):
    """The rows of a list, newest first; each page is fetched when its first row is wanted."""

    transport: Transport = field(repr=False)
    template: str
    values: Mapping[str, object]
    query: Mapping[str, object]

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.rows

    def pages(self) -> Iterator[ListPage[T]]:
        page = self.fetch_page()
        yield page
        while page.next_cursor is not None:
            page = self.fetch_page(page.next_cursor)
            yield page

    def fetch_page(self, cursor: str | None = None) -> ListPage[T]:
        """Fetch the first page, or the one that a page before named."""
        query = self.query if cursor is None else {**self.query, "cursor": cursor}
        response = self.transport.call("GET", self.template, values=self.values, query=query)
        envelope = parse_object(response)
        return ListPage(envelope.get("data", []), find_next_cursor(envelope), envelope)


def find_next_cursor(envelope: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page; None on the last one."""
    return next((envelope[name] for name in CURSOR_NAMES if name in envelope), None)
