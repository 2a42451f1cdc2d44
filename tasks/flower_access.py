"""Flower needs a password: without one it does not start, and shows no page, whoever starts it."""

from flower.urls import handlers
from flower.views.monitor import Healthcheck, Metrics
from tornado.options import options
from tornado.web import authenticated

from core.config.cross_checks import FLOWER_FAULT
from core.config.settings import load_settings
from core.errors import Misconfigured

LOOPBACK_ADDRESS = "127.0.0.1"


class ProtectedMetrics(Metrics):  # type: ignore[misc]  # untyped library
    """Flower's metrics name workers, tasks and their counts."""

    @authenticated
    async def get(self) -> None:
        await super().get()


class ProtectedHealthcheck(Healthcheck):  # type: ignore[misc]  # untyped library
    @authenticated
    async def get(self) -> None:
        await super().get()


PROTECTED_HANDLERS = {Metrics: ProtectedMetrics, Healthcheck: ProtectedHealthcheck}


def protect_flower() -> None:
    """Give Flower its password and address, and let no page of it be read without the password.

    Call it before Flower reads its options: they may change the address, which is this machine's
    own otherwise. Errors: Misconfigured without FLOWER_BASIC_AUTH.
    """
    password = load_settings().flower_basic_auth
    if not password:  # the role is not flower, or the settings would have been refused
        raise Misconfigured(f"FLOWER_BASIC_AUTH {FLOWER_FAULT}")
    options.basic_auth = password.reveal().split(",")
    options.address = LOOPBACK_ADDRESS
    for position, entry in enumerate(handlers):
        pattern, handler, *rest = entry if isinstance(entry, tuple) else (None, None)
        if handler in PROTECTED_HANDLERS:
            handlers[position] = (pattern, PROTECTED_HANDLERS[handler], *rest)
