"""Values and the protocol for signed callbacks about a person who removed our app.

They have no account and no event: the platform calls a URL of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class CallbackSubject:
    """Whom a callback is about. `person_id` is a login's id or one of its aliases."""

    person_id: str
    issued_at: datetime | None = None


class SignedCallbacks(Protocol):
    """Verifies and reads the callbacks of one platform, and says how they are answered."""

    def parse_callback(self, form: Mapping[str, str]) -> CallbackSubject:
        """Return whom the form is about.

        Errors: BadSignature; ValueError if the form is not a callback of this platform.
        """
        ...

    def build_deletion_answer(self, *, status_url: str, code: str) -> dict[str, str]:
        """Return the body that tells the platform where the state of an erasure is shown."""
        ...
