"""Tables of Markdown."""

from collections.abc import Iterable, Iterator

WRITTEN_BY = (
    "This page is written from the code by `python -m tests.references`, and a test compares both."
)


def format_cell(text: str) -> str:
    """Return a text on one line, with what would end the cell escaped."""
    return " ".join(text.split()).replace("|", r"\|")


def format_code(text: str) -> str:
    return f"`{text}`" if text else ""


def format_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield the lines of a table, its header first."""
    names = list(header)
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(map(format_cell, row))} |"
