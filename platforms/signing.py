"""HMAC-SHA256 signatures of webhook deliveries, as TikTok and Meta use them."""

import hmac
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from platforms.hmac_state import HmacState
from platforms.secret import Secret


def get_header(headers: Mapping[str, str], name: str) -> str:
    """Return the header with this lower-case name, whatever its case; empty if it is absent."""
    if name in headers:
        return headers[name].strip()
    return next((value.strip() for key, value in headers.items() if key.lower() == name), "")


class DigestCheck(NamedTuple):
    """`reason` is `ok`, `no_secret` or `bad_signature`.

    `secret_no` is the place of the matching secret in the settings, counted from 1.
    """

    reason: str
    secret_no: int | None = None


def verify_digests(signed: bytes, digests: Iterable[str], secrets: Iterable[Secret]) -> DigestCheck:
    """Check whether any digest matches any secret. Every pair is compared, in constant time."""
    keyed_states = [keyed_state(secret) for secret in secrets if secret]
    if not keyed_states:
        return DigestCheck("no_secret")
    received = [digest.encode(errors="replace") for digest in digests]
    expected = [state.hex_digest(signed).encode() for state in keyed_states]
    matches = [
        number
        for number, digest in enumerate(expected, 1)
        for candidate in received
        if hmac.compare_digest(candidate, digest)
    ]
    return DigestCheck("ok", matches[0]) if matches else DigestCheck("bad_signature")


@lru_cache(maxsize=64)
def keyed_state(secret: Secret) -> HmacState:
    """Return the state of an HMAC that has read its key; deriving it takes half of a check."""
    return HmacState(secret.reveal().encode())
