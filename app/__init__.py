"""The HTTP application and the command line. A command loads no Flask: see `__getattr__`."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Return `create_app`, which servers name as `app:create_app()`; it is loaded when asked for.

    Errors: AttributeError for any other name.
    """
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("app.factory").create_app
