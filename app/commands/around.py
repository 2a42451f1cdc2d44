"""What a command needs around it: this process's house, and a way to go on until told to stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

import click

from core.config.settings import load
from core.watch import telemetry
from tasks.context import House
from tasks.context import house as built

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., object])

ONCE = click.option("--once", is_flag=True, help="One run, then end.")


def every(milliseconds: int) -> Callable[[Command], Command]:
    """The option `--interval`, which the seed gives in milliseconds."""
    return click.option(
        "--interval",
        type=click.IntRange(min=100),
        default=milliseconds,
        show_default=True,
        help="Milliseconds between two runs.",
    )


def house() -> House:
    """Errors: Misconfigured, naming every fault at once."""
    settings = load()
    quiet = settings if "LOG_LEVEL" in settings.given else replace(settings, log_level="WARNING")
    telemetry.configure(quiet)
    return built()


def repeated(act: Callable[[], T], *, once: bool, interval: int) -> Iterator[T]:
    """Its results, one every `interval` milliseconds until SIGTERM or Ctrl-C, or only one."""
    told: SimpleQueue[int] = SimpleQueue()  # an event may not be set in the midst of waiting for it

    def leave(number: int, _frame: FrameType | None) -> None:
        told.put(number)

    def is_over() -> bool:
        with suppress(Empty):
            return bool(told.get(timeout=interval / 1000))
        return False

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # not in the main thread: whoever runs us stops us
            signal.signal(number, leave)
    yield act()
    while not once and not is_over():
        yield act()
