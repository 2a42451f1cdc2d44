"""Signature check for the Flask peers."""

from typing import Any

from flask import abort, request

from bench.peers.signature import verify_envelope


def verify_request() -> dict[str, Any]:
    """Return the parsed body of a request with a valid signature; respond 401 to any other."""
    envelope = verify_envelope(request.headers.get("TikTok-Signature", ""), request.get_data())
    if envelope is None:
        abort(401)
    return envelope
