"""Progress of long work on stderr: a bar at a terminal, a line per step elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.observability.raw_output import is_output_json

ReportStep = Callable[[str, int, int], None]
"""Gets the name of the step, how much is done, and how much there is in all."""


@contextmanager
def show_progress() -> Iterator[ReportStep]:
    """Yield a function to call whenever something is done.

    rich draws the bar, without colours if NO_COLOR is set. It is not left to rich to find out
    whether there is a terminal: it draws into pipes if FORCE_COLOR is set.
    """
    if not sys.stderr.isatty():
        yield print_new_steps()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=None)

        def draw_step(name: str, done: int, total: int) -> None:
            progress.update(task, description=name, completed=done, total=total)

        yield draw_step


def print_new_steps() -> ReportStep:
    """Build a function that prints a line when another step begins."""
    printed: set[str] = set()

    def print_step(name: str, done: int, total: int) -> None:
        if name not in printed:
            printed.add(name)
            # In a log, what goes to stderr is a warning.
            click.echo(f"{name}: {done} of {total}", err=not is_output_json())

    return print_step
