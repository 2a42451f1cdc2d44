"""What each platform's sandbox says about itself: credentials, settings, options and its demo.

Every folder of the sandbox with a `stack.toml` is one platform. The texts have placeholders:
`{sandbox}` and `{web}` (addresses on this machine), `{public}` (PUBLIC_URL), and the names of
settings.
"""

import secrets
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

SANDBOX_FOLDER = Path(__file__).parents[1] / "platforms" / "sandbox"
DECIMAL_DIGITS = "0123456789"
HEXADECIMAL_DIGITS = DECIMAL_DIGITS + "abcdef"


@dataclass(frozen=True)
class SandboxDescription:
    """One platform as its sandbox imitates it; the fields are those of its `stack.toml`."""

    platform: str
    options: tuple[str, ...]
    credentials: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, str]
    demo: Mapping[str, Any]


@cache
def load_sandboxes() -> tuple[SandboxDescription, ...]:
    """Return all platforms. Their demos run in this order."""
    return tuple(
        load_sandbox(path) for path in sorted(SANDBOX_FOLDER.glob("*/stack.toml"), reverse=True)
    )


def load_sandbox(path: Path) -> SandboxDescription:
    values = tomllib.loads(path.read_text())
    return SandboxDescription(
        path.parent.name,
        tuple(values["options"]),
        values["credentials"],
        values["settings"],
        values["demo"],
    )


def credential_factories() -> dict[str, Callable[[], str]]:
    """Return what generates each credential that the platforms would issue."""
    return {
        name: partial(generate_credential, form)
        for sandbox in load_sandboxes()
        for name, form in sandbox.credentials.items()
    }


def generate_credential(form: Mapping[str, Any]) -> str:
    """Return random digits with the prefix; the first is never 0, as in ids of platforms."""
    alphabet = DECIMAL_DIGITS if "decimal" in form else HEXADECIMAL_DIGITS
    length = form.get("decimal") or form["hex"]
    first, others = secrets.choice(alphabet[1:]), range(length - 1)
    return str(form.get("prefix", "")) + first + "".join(secrets.choice(alphabet) for _ in others)


def platform_settings(sandbox_url: str, public_url: str) -> dict[str, str]:
    """Return the settings that put the sandbox in the platforms' place."""
    return {
        name: value.format(sandbox=sandbox_url, public=public_url)
        for sandbox in load_sandboxes()
        for name, value in sandbox.settings.items()
    }


def sandbox_options(web_url: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the options of the sandbox's command: where it sends webhooks and people."""
    return tuple(
        option.format_map({**environment, "web": web_url})
        for sandbox in load_sandboxes()
        for option in sandbox.options
    )
