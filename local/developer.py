"""The development user of `signalpost up --sandbox`, as it is printed."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

PASSWORD_FACTORIES: dict[str, Callable[[], str]] = {
    "DEVELOPER_PASSWORD": lambda: secrets.token_urlsafe(12)
}


@dataclass(frozen=True)
class Developer:
    email: str
    password: str = field(repr=False)
    api_key: str = field(repr=False)
