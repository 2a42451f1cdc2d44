"""HMAC-SHA256 signatures of webhook deliveries, as TikTok and Meta use them."""

import hmac
from collections.abc import Iterable, Mapping
from itertools import product

from platforms.secret import Secret


def get_header(headers: Mapping[str, str], name: str) -> str:
    """Return the header with this lower-case name, whatever its case; empty if it is absent."""
    return next((value.strip() for key, value in headers.items() if key.lower() == name), "")


def verify_digests(signed: bytes, digests: Iterable[str], secrets: Iterable[Secret]) -> str:
    """Return `ok` if any digest matches any secret, else `no_secret` or `bad_signature`.

    Every pair is compared, in constant time.
    """
    secret_keys = [secret.reveal().encode() for secret in secrets if secret]
    if not secret_keys:
        return "no_secret"
    received = [digest.encode(errors="replace") for digest in digests]
    # not `hmac.digest`: it releases the GIL each time, which a busy event loop has to regain
    expected = [hmac.new(key, signed, "sha256").hexdigest().encode() for key in secret_keys]
    matches = [hmac.compare_digest(*pair) for pair in product(received, expected)]
    return "ok" if any(matches) else "bad_signature"
