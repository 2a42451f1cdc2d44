"""What a command needs around it: this process's house, and a way to go on until told to stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

import click

from core.config.settings import load_settings
from core.observability import telemetry
from tasks.runtime import WorkerContainer
from tasks.runtime import current_container as built

T = TypeVar("T")
CommandT = TypeVar("CommandT", bound=Callable[..., object])

ONCE_OPTION = click.option("--once", is_flag=True, help="One run, then end.")


def interval_option(milliseconds: int) -> Callable[[CommandT], CommandT]:
    """The option `--interval`, which the seed gives in milliseconds."""
    return click.option(
        "--interval",
        type=click.IntRange(min=100),
        default=milliseconds,
        show_default=True,
        help="Milliseconds between two runs.",
    )


def load_container() -> WorkerContainer:
    """Errors: Misconfigured, naming every fault at once."""
    settings = load_settings()
    logging_settings = (
        settings
        if "LOG_LEVEL" in settings.configured_names
        else settings.model_copy(update={"log_level": "WARNING"})
    )
    telemetry.configure_logging(logging_settings)
    return built()


def run_repeatedly(action: Callable[[], T], *, once: bool, interval: int) -> Iterator[T]:
    """Its results, one every `interval` milliseconds until SIGTERM or Ctrl-C, or only one."""
    signals: SimpleQueue[int] = (
        SimpleQueue()
    )  # an event may not be set in the midst of waiting for it

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    def should_stop() -> bool:
        with suppress(Empty):
            return bool(signals.get(timeout=interval / 1000))
        return False

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # not in the main thread: whoever runs us stops us
            signal.signal(number, on_signal)
    yield action()
    while not once and not should_stop():
        yield action()
