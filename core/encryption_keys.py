"""The form of encryption keys in settings. What encrypts with them is in `core.crypto`."""

import os
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64

from platforms.secret import Secret

KEY_BYTES = 32
KEY_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
HEX_KEY_PATTERN = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def generate_key() -> str:
    """Return a new TOKEN_ENCRYPTION_KEY."""
    return b64encode(os.urandom(KEY_BYTES)).decode()


def decode_key(key: Secret) -> bytes:
    """Return the bytes of a key. Errors: ValueError with the expected form, without the key."""
    if HEX_KEY_PATTERN.fullmatch(key.reveal()):
        raise ValueError(f"looks like hex; base64 of {KEY_BYTES} bytes is expected")
    try:
        decoded = b64decode(key.reveal(), validate=True)
    except (NotBase64, ValueError):
        raise ValueError(f"must be base64 of {KEY_BYTES} bytes") from None
    if len(decoded) != KEY_BYTES:
        raise ValueError(f"must be base64 of {KEY_BYTES} bytes, not of {len(decoded)}")
    return decoded
