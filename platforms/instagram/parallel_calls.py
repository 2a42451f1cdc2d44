"""Makes several calls at the same time, such as one for each item of a carousel."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from platforms.errors import PlatformError

Answer = TypeVar("Answer")

POOL_SIZE = 10  # calls at a time: all items of a carousel, so that a step ends in time


def run_calls(calls: Sequence[Callable[[], Answer]]) -> list[Answer | PlatformError]:
    """Return what each call brought, in order: its answer, or the platform's error."""
    if len(calls) == 1:
        return [catch_error(calls[0])]
    with ThreadPoolExecutor(min(POOL_SIZE, len(calls) or 1)) as pool:
        # each call logs with the context of the post
        futures = [pool.submit(copy_context().run, catch_error, call) for call in calls]
        return [future.result() for future in futures]


def catch_error(call: Callable[[], Answer]) -> Answer | PlatformError:
    try:
        return call()
    except PlatformError as error:
        return error
