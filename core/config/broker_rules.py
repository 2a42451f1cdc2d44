"""The rule of production for the broker and Redis: plain text to other machines only if allowed."""

from collections.abc import Mapping

from core.config.broker_urls import parse_broker_addresses
from platforms.setting_types import TRUE_WORDS

STORE_SETTINGS = ("BROKER_URL", "REDIS_URL")
PLAINTEXT_SETTING = "BROKER_ALLOW_PLAINTEXT"
PLAINTEXT_FAULT = (
    "must be reached by TLS that is verified, rediss:// or amqps://, in production: its password "
    "and all messages would cross the network readable and changeable; if that network is private, "
    f"say so with {PLAINTEXT_SETTING}=on"
)


def find_plaintext_faults(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the addresses on other machines whose traffic somebody could read or answer."""
    if texts.get(PLAINTEXT_SETTING, "").lower() in TRUE_WORDS:
        return {}
    return {
        name: PLAINTEXT_FAULT
        for name in STORE_SETTINGS
        if name in texts and not is_private(texts[name])
    }


def is_private(text: str) -> bool:
    """Whether the address is on this machine or verified. Malformed text has its own fault."""
    try:
        return all(address.is_private for address in parse_broker_addresses(text))
    except ValueError:
        return True
