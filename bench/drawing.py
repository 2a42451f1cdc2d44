"""Tables and figures as a terminal shows them. Must not know what they mean."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from bench.figures import Delays

NONE = "-"
VERDICTS = {True: "reached", False: "not reached"}


def delays(known: Delays | None) -> str | None:
    return " · ".join(map(short, (known.p50, known.p99, known.max))) if known else None


def short(value: float) -> str:
    """What is a hundred or more needs no tenths."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004 - see above


def table(
    console: Console, title: str, heads: Iterable[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """Nothing at all where nothing was measured."""
    drawn = Table(title=title, title_justify="left")
    for head in heads:
        drawn.add_column(head, justify="right" if drawn.columns else "left")
    for cells in rows:
        drawn.add_row(*(NONE if cell is None else str(cell) for cell in cells))
    if drawn.row_count:
        console.print(drawn)
