"""What all Flask peers do with a delivery first: judge its signature."""

from typing import Any

from flask import abort, request

from bench.peers.signature import verify_envelope


def verify_request() -> dict[str, Any]:
    """The envelope of a rightly signed request; anything else is answered 401."""
    envelope = verify_envelope(request.headers.get("TikTok-Signature", ""), request.get_data())
    if envelope is None:
        abort(401)
    return envelope
