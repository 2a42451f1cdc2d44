"""The settings of a house on one machine: what nobody gave is made once and kept in its folder.

Precedence: this process's environment, then the sandbox's names, then `.env`, then what is kept.
"""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from core.crypto import generate_key

FILE = "settings.json"


def word() -> str:
    return secrets.token_urlsafe(32)


MADE: dict[str, Callable[[], str]] = {
    "SECRET_KEY": word,
    "TOKEN_ENCRYPTION_KEY": generate_key,
    "WORKER_SECRET": word,
    "METRICS_TOKEN": word,
    "FLOWER_BASIC_AUTH": lambda: f"signalpost:{word()}",
}
"""Secrets every house has."""

SANDBOX_MADE: dict[str, Callable[[], str]] = {
    "TIKTOK_CLIENT_KEY": lambda: "sandbox" + secrets.token_hex(8),
    "TIKTOK_CLIENT_SECRET": lambda: secrets.token_hex(24),
}
"""What a platform would have given us."""

PROFILE = "user.info.basic,user.info.profile,user.info.stats"
VIDEOS = "video.upload,video.publish,video.list"
"""All that TikTok can grant: a sandbox shows everything there is."""

OTHER_NAMES = {
    "TOKEN_ENCRYPTION_KEY": ("TOKEN_ENCRYPTION_KEYS",),
    "WORKER_SECRET": ("CRON_SECRET",),
}


@dataclass(frozen=True)
class Said:
    """What the operator says: in the environment, and below it in `.env`."""

    outside: Mapping[str, str]
    written: Mapping[str, str]

    @classmethod
    def here(cls) -> "Said":
        written = dotenv_values(".env", interpolate=False)
        return cls(dict(os.environ), {name: value for name, value in written.items() if value})

    def __contains__(self, name: str) -> bool:
        names = (name, *OTHER_NAMES.get(name, ()))
        return any({each, f"{each}_FILE"} & {*self.outside, *self.written} for each in names)

    def over(self, ours: Mapping[str, str], sandbox: Mapping[str, str]) -> dict[str, str]:
        """All of it in one. A sandbox outranks `.env`, whose credentials are for the platforms."""
        quiet = {name: value for name, value in ours.items() if name not in self}
        return quiet | dict(self.written) | dict(sandbox) | dict(self.outside)


def kept(folder: Path, made: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """The secrets of this folder, each made at its first use, readable by their owner alone."""
    path = folder / FILE
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: make() for name, make in made.items() if name not in known}
    if missing:
        write(path, known | missing)
    return {name: (known | missing)[name] for name in made}


def sandbox(url: str, web: str, credentials: Mapping[str, str]) -> dict[str, str]:
    """The sandbox in TikTok's place; our client differs by its addresses alone."""
    return {
        **credentials,
        "TIKTOK_AUTH_BASE_URL": url,
        "TIKTOK_API_BASE_URL": url,
        "TIKTOK_REDIRECT_URI": f"{web}/api/auth/tiktok/callback",
        "TIKTOK_SCOPES": f"{PROFILE},{VIDEOS}",
        "TIKTOK_APP_AUDITED": "true",
        "ENABLE_TIKTOK_INSIGHTS": "on",
        "ENDPOINT_PRIVATE_HOSTS": "on",  # whoever tries out receiving does so beside the house
    }


def write(path: Path, values: Mapping[str, str]) -> None:
    """Whole or not at all: these keys open what is sealed in the database."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
