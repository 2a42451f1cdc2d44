"""Secrets sealed for the database and opened again. Must not know where keys come from.

A sealed value is bound to its table, column and row: moved elsewhere it does not open.
"""

import json
import os
import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import CannotOpen, Misconfigured
from platforms.secret import Secret

Context = tuple[str, ...]  # table, column, provider, the platform's id or the post's, user id

VERSION = "v1"
KEY, IV, TAG = 32, 12, 16  # bytes
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
HEX_KEY = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


def access_context(provider: str, open_id: str, user_id: int | None) -> Context:
    return ("oauth_accounts", "access_token_encrypted", provider, open_id, str(user_id))


def refresh_context(provider: str, open_id: str, user_id: int | None) -> Context:
    return ("oauth_accounts", "refresh_token_encrypted", provider, open_id, str(user_id))


def upload_context(provider: str, post_id: int, user_id: int | None) -> Context:
    return ("upload_sessions", "upload_url_encrypted", provider, str(post_id), str(user_id))


def endpoint_context(endpoint_id: int, user_id: int) -> Context:
    return ("endpoint_secrets", "secret_encrypted", "endpoint", str(endpoint_id), str(user_id))


class KeyRing:
    """Seals with its first key, opens with any of them."""

    def __init__(self, keys: Iterable[tuple[str, Secret]]) -> None:
        """`keys`: id and base64 of 32 bytes. Errors: Misconfigured, ValueError."""
        self._keys = {name: AESGCM(key_bytes(key)) for name, key in keys}
        if not self._keys:
            raise Misconfigured("TOKEN_ENCRYPTION_KEY is missing")
        self.current = next(iter(self._keys))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def seal(self, secret: Secret, context: Context) -> str:
        """Errors: ValueError if there is nothing to seal."""
        return self._seal(secret, context, self.current)

    def open(self, sealed: str, context: Context) -> Secret:
        """Errors: CannotOpen, the same for every reason; ValueError if there is nothing to open."""
        if not sealed:
            raise ValueError("nothing to open")
        name, iv, tag, text = parts(sealed)
        try:
            plain = self._keys[name].decrypt(iv, text + tag, bound(name, context))
            return Secret(plain.decode("utf-8", "surrogatepass"))
        except (KeyError, InvalidTag, UnicodeDecodeError):
            raise CannotOpen from None

    def key_id(self, sealed: str) -> str:
        """Which key a value was sealed with. Errors: CannotOpen."""
        return parts(sealed)[0]

    def validate(self) -> bool:
        """Whether every key seals and opens again. Never raises."""
        probe, context = Secret("probe"), ("", "", "probe")
        try:
            return all(
                self.open(self._seal(probe, context, name), context) == probe for name in self._keys
            )
        except Exception:  # noqa: BLE001 - a health check answers, whatever is wrong
            return False

    def _seal(self, secret: Secret, context: Context, name: str) -> str:
        if not secret:
            raise ValueError("nothing to seal")
        iv = os.urandom(IV)
        plain = secret.reveal().encode("utf-8", "surrogatepass")
        sealed = self._keys[name].encrypt(iv, plain, bound(name, context))
        triple = (iv, sealed[-TAG:], sealed[:-TAG])
        return f"{VERSION}.{name}." + ":".join(b64encode(part).decode() for part in triple)


def generate_key() -> str:
    """A fresh TOKEN_ENCRYPTION_KEY."""
    return b64encode(AESGCM.generate_key(bit_length=8 * KEY)).decode()


def key_bytes(key: Secret) -> bytes:
    """Errors: ValueError that says what is expected and quotes nothing."""
    if HEX_KEY.fullmatch(key.reveal()):
        raise ValueError(f"looks like hex; base64 of {KEY} bytes is expected")
    try:
        found = b64decode(key.reveal(), validate=True)
    except (NotBase64, ValueError):
        raise ValueError(f"must be base64 of {KEY} bytes") from None
    if len(found) != KEY:
        raise ValueError(f"must be base64 of {KEY} bytes, not of {len(found)}")
    return found


def bound(key_id: str, context: Context) -> bytes:
    """What a value is bound to; as JSON, so that no two contexts read the same."""
    return json.dumps([VERSION, key_id, *context]).encode()


def parts(sealed: str) -> tuple[str, bytes, bytes, bytes]:
    """Key id, iv, tag and ciphertext. Errors: CannotOpen."""
    match sealed.split("."):
        case [version, name, triple] if version == VERSION and KEY_ID.fullmatch(name):
            found = [exact(part) for part in triple.split(":")]
        case _:
            raise CannotOpen
    match found:
        case [bytes(iv), bytes(tag), bytes(text)] if (len(iv), len(tag)) == (IV, TAG):
            return name, iv, tag, text
        case _:
            raise CannotOpen


def exact(part: str) -> bytes | None:
    """Decoded only if it is written in the one canonical way: no two texts for one value."""
    try:
        found = b64decode(part, validate=True)
    except (NotBase64, ValueError):
        return None
    return found if b64encode(found).decode() == part else None
