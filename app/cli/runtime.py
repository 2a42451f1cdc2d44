"""What commands share: the container of the process, and running an action repeatedly."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

import click

from core.config.garbage_collection import exclude_loaded_objects
from core.config.settings import Settings, load_settings
from core.observability import telemetry
from core.observability.raw_output import is_output_json
from tasks.runtime import WorkerContainer, current_container

T = TypeVar("T")
CommandT = TypeVar("CommandT", bound=Callable[..., object])

ONCE_OPTION = click.option("--once", is_flag=True, help="Run once and exit.")


def interval_option(milliseconds: int) -> Callable[[CommandT], CommandT]:
    """Build the option `--interval`. Units: milliseconds."""
    return click.option(
        "--interval",
        type=click.IntRange(min=100),
        metavar="MS",
        default=milliseconds,
        show_default=True,
        help="Milliseconds between two runs.",
    )


def load_container() -> WorkerContainer:
    """Configure logging and build the container.

    Errors: Misconfigured, naming every missing or malformed setting at once.
    """
    load_command_settings()
    exclude_loaded_objects()
    return current_container()


def load_command_settings() -> Settings:
    """Load the settings and configure logging: warnings only, unless LOG_LEVEL is set or the
    output is a log.

    Errors: Misconfigured.
    """
    settings = load_settings()
    logging_settings = (
        settings
        if "LOG_LEVEL" in settings.configured_names or is_output_json()
        else settings.model_copy(update={"log_level": "WARNING"})
    )
    telemetry.configure_logging(logging_settings)
    return settings


def run_repeatedly(action: Callable[[], T], *, once: bool, interval: int) -> Iterator[T]:
    """Run the action once, or every `interval` until SIGTERM or Ctrl-C; yield its results.

    Units: interval is in milliseconds.
    """
    # A queue, not an Event: a signal handler may not set an Event that this thread waits for.
    signals: SimpleQueue[int] = SimpleQueue()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    def should_stop() -> bool:
        with suppress(Empty):
            return bool(signals.get(timeout=interval / 1000))
        return False

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(ValueError):  # only the main thread may set handlers; the caller stops us
            signal.signal(number, on_signal)
    yield action()
    while not once and not should_stop():
        yield action()
