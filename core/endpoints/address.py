"""Which addresses and which events an endpoint may name. Pure; resolves no name."""

from collections.abc import Collection
from urllib.parse import urlsplit

from core.errors import Invalid
from core.links import LONGEST, public_https
from core.outbox import EVENTS


def usable(url: str, *, private: bool) -> str:
    """`private`: whoever develops may also be told over http, and on a host of their own.

    Errors: Invalid that quotes nothing.
    """
    try:
        return on_a_private_host(url) if private else public_https(url)
    except ValueError as fault:
        fields = {"url": str(fault)}
        raise Invalid("the address is not usable", details={"fields": fields}) from None


def on_a_private_host(url: str) -> str:
    """Errors: ValueError."""
    if len(url) > LONGEST:
        raise ValueError(f"must not be longer than {LONGEST} characters")
    if any(not "!" <= sign <= "~" for sign in url) or "\\" in url:
        raise ValueError("must not contain blanks, backslashes or characters beyond ASCII")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must begin with https:// or http:// and name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not name a user")
    if parts.port == 0:  # reading it refuses what is no number
        raise ValueError("must name a port that exists")
    return url


def known(events: Collection[str]) -> list[str]:
    """In the order of our table, each once. Errors: Invalid."""
    strange = sorted(set(events) - set(EVENTS))
    if strange:
        fields = {"events": "may only name " + ", ".join(EVENTS)}
        raise Invalid("unknown events", details={"fields": fields})
    return [event for event in EVENTS if event in events]
