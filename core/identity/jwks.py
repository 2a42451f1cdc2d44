"""The public keys of the host application (JWKS), fetched through our HTTP client and cached."""

import time
from collections.abc import Mapping
from typing import Any

from jwt import InvalidTokenError, PyJWKClient, PyJWKSet, PyJWTError
from jwt.exceptions import PyJWKClientError

from platforms.errors import PlatformError, Unavailable
from platforms.http import SAFE_RETRY, HttpClient

KEY_CACHE_SECONDS = 600.0
# Wait before fetching again for an unknown key id, which any token can name, or after a failure.
MIN_REFETCH_SECONDS = 30.0
HTTP_OK = 200

KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""First two characters of an algorithm → `kty` of its keys."""

CURVES = {"ES256": "P-256", "ES384": "P-384"}


class JwksClient(PyJWKClient):
    """PyJWT's client and cache, with our limits on time and size of a response. Thread-safe."""

    def __init__(
        self, url: str, *, algorithm: str = "RS256", http: HttpClient | None = None
    ) -> None:
        super().__init__(url, lifespan=KEY_CACHE_SECONDS, cooldown_duration=MIN_REFETCH_SECONDS)
        self._algorithm = algorithm
        self._http = http or HttpClient()
        self._latest: PyJWKSet | None = None
        self._failed_at = float("-inf")

    def get_key(self, key_id: str | None) -> Any:
        """Return the key with this id. A host application with one key need not name it.

        Errors: jwt.InvalidTokenError if there is no such key; Unavailable.
        """
        if key_id is None:
            keys = self.get_jwk_set().keys
            if len(keys) == 1:
                return keys[0].key
            raise InvalidTokenError("the token names no key, and there are several")
        try:
            return self.get_signing_key(key_id).key
        except PyJWKClientError:  # its text quotes the token
            raise InvalidTokenError("the token names a key that does not exist") from None

    def fetch_data(self) -> PyJWKSet:
        """Fetch the keys; for a while after a failure, return those of the last success.

        Errors: Unavailable.
        """
        if time.monotonic() - self._failed_at < MIN_REFETCH_SECONDS:
            if self._latest is None:
                raise Unavailable("the keys of the host application could not be fetched")
            return self._latest
        try:
            self._latest = self._fetch_key_set()
        except PlatformError:
            self._failed_at = time.monotonic()
            raise
        self._last_successful_fetch = time.monotonic()  # PyJWKClient measures its cooldown by it
        return self._latest

    def _fetch_key_set(self) -> PyJWKSet:
        response = self._http.call("GET", self.uri, endpoint="host.jwks", retry=SAFE_RETRY)
        if response.status != HTTP_OK:
            message = f"the JWKS URL of the host application answered {response.status}"
            raise Unavailable(message, code="INVALID_RESPONSE")
        try:
            listed = self._as_jwk_set_payload(response.json()).get("keys")
            keys = listed if isinstance(listed, list) else []
            return PyJWKSet([key for key in keys if can_verify(key, self._algorithm)])
        except PyJWTError:
            message = "the JWKS URL of the host application returned no usable key"
            raise Unavailable(message, code="INVALID_RESPONSE") from None


def can_verify(jwk: object, algorithm: str) -> bool:
    """Whether signatures of this algorithm may be verified with the key.

    Keys of another type or algorithm are published beside ours, and keys for encryption only.
    Source: RFC 7517, sections 4.1 to 4.4.
    """
    if not isinstance(jwk, Mapping):
        return False
    operations = jwk.get("key_ops")
    return (
        jwk.get("kty") == KEY_TYPES[algorithm[:2]]
        and jwk.get("crv") == CURVES.get(algorithm, jwk.get("crv"))
        and jwk.get("use") in (None, "sig")
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and jwk.get("alg") in (None, algorithm)
    )
