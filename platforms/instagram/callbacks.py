"""Reads Meta's callbacks: a person removed the app, or wants their data erased.

The id is that of the person who removed the app: with Facebook Login the `id` of `/me`. For
Instagram Login Meta does not say which of its two ids it is.
Source: Meta, data-deletion callback and deauthorize callback, read 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from platforms.callbacks import CallbackSubject
from platforms.errors import BadSignature
from platforms.instagram.signed_request import parse_signed_request
from platforms.secret import Secret
from platforms.vendor_values import read_time

SIGNATURE_REASONS = frozenset({"bad_signature", "no_secret", "bad_algorithm"})
"""Reasons of a refusal that say who sent the form is not known; the others, that it is no form."""


@dataclass(frozen=True)
class InstagramCallbacks:
    """Implements `SignedCallbacks`. `secrets`: of the apps at Meta that people may have used."""

    secrets: tuple[Secret, ...]

    def parse_callback(self, form: Mapping[str, str]) -> CallbackSubject:
        """Return the person. Errors: BadSignature; ValueError for a form without one."""
        signed = parse_signed_request(form.get("signed_request"), self.secrets)
        if signed.reason in SIGNATURE_REASONS:
            raise BadSignature(f"signed_request: {signed.reason}")
        if not signed.ok or signed.user_id is None:
            reason = signed.reason if not signed.ok else "without a user_id"
            raise ValueError(f"the signed_request cannot be read: {reason}")
        return CallbackSubject(signed.user_id, read_time(signed.payload.get("issued_at")))

    def build_deletion_answer(self, *, status_url: str, code: str) -> dict[str, str]:
        return {"url": status_url, "confirmation_code": code}
