"""The settings of a local stack: the operator's, plus secrets generated once and kept in a file.

Precedence: this process's environment, the sandbox's settings, `.env`, the generated values.
"""

import json
import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from core.config.environment import merge_environments
from core.encryption_keys import generate_key
from local.sandboxes import credential_factories, platform_settings

SECRETS_FILE = "settings.json"
EXPORTS_FILE = "settings.env"
"""What a shell reads, so that commands in it act on the running stack."""


def generate_secret() -> str:
    return secrets.token_urlsafe(32)


SECRET_FACTORIES: dict[str, Callable[[], str]] = {
    "SECRET_KEY": generate_secret,
    "TOKEN_ENCRYPTION_KEY": generate_key,
    "WORKER_SECRET": generate_secret,
    "METRICS_TOKEN": generate_secret,
    "FLOWER_BASIC_AUTH": lambda: f"signalpost:{generate_secret()}",
}
"""Secrets of every stack."""

SANDBOX_CREDENTIAL_FACTORIES = credential_factories()
"""Credentials that the platforms would issue."""

ALTERNATIVE_NAMES = {
    "TOKEN_ENCRYPTION_KEY": ("TOKEN_ENCRYPTION_KEYS",),
    "WORKER_SECRET": ("CRON_SECRET",),
}


@dataclass(frozen=True)
class GivenSettings:
    """The operator's settings: the environment, and `.env` with a lower precedence."""

    environment: Mapping[str, str]
    dotenv: Mapping[str, str]

    @classmethod
    def from_environment(cls) -> "GivenSettings":
        dotenv = dotenv_values(".env", interpolate=False)
        return cls(dict(os.environ), {name: value for name, value in dotenv.items() if value})

    def __contains__(self, name: str) -> bool:
        names = (name, *ALTERNATIVE_NAMES.get(name, ()))
        return any(
            {setting, f"{setting}_FILE"} & {*self.environment, *self.dotenv} for setting in names
        )

    def get(self, name: str, default: str) -> str:
        """Return the operator's value; the environment outranks `.env`."""
        return self.environment.get(name) or self.dotenv.get(name) or default

    def merge_over(self, defaults: Mapping[str, str], sandbox: Mapping[str, str]) -> dict[str, str]:
        """Merge all settings.

        The sandbox's settings outrank `.env`, whose credentials belong to the real platforms.
        """
        missing = {name: value for name, value in defaults.items() if name not in self}
        below = merge_environments(missing | dict(self.dotenv), sandbox)
        return merge_environments(below, self.environment)


def load_or_create_secrets(
    folder: Path, factories: Mapping[str, Callable[[], str]]
) -> dict[str, str]:
    """Return the folder's secrets. Missing ones are generated and stored, for their owner only."""
    path = folder / SECRETS_FILE
    stored: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = {name: factory() for name, factory in factories.items() if name not in stored}
    if missing:
        write_secrets(path, stored | missing)
    return {name: (stored | missing)[name] for name in factories}


def sandbox_settings(
    sandbox_url: str, public_url: str, credentials: Mapping[str, str]
) -> dict[str, str]:
    """Return the settings that put the sandbox in the platforms' place: base URLs, credentials."""
    return {
        **credentials,
        **platform_settings(sandbox_url, public_url),
        "ENDPOINT_PRIVATE_HOSTS": "on",  # in development, endpoints are on this machine
    }


def write_secrets(path: Path, values: Mapping[str, str]) -> None:
    """Without these keys the secrets in the database cannot be decrypted."""
    write_private_file(path, json.dumps(values, indent=1))


def write_exports(path: Path, values: Mapping[str, str]) -> None:
    """Write the settings as `. FILE` reads them in a shell."""
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in sorted(values.items()))
    write_private_file(path, "".join(lines))


def write_private_file(path: Path, text: str) -> None:
    """Write atomically, for the owner only."""
    staging = path.with_suffix(".new")
    staging.unlink(missing_ok=True)
    with os.fdopen(os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    staging.rename(path)
