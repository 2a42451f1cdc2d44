"""The user: who one is, and for people who sign in, their sessions and API keys.

A key cannot make or revoke keys: `sign_in` first, on a client without a key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signalpost_client.data_types import (
    ChangePasswordData,
    CurrentUserData,
    EndedSessionsData,
    KeyData,
    NewKeyData,
    SessionData,
    SignInUserData,
    UserData,
)
from signalpost_client.transport import Transport


@dataclass(frozen=True)
class IdentityApi:
    transport: Transport

    def get_user(self) -> CurrentUserData:
        """Return whose key it is, and its scopes."""
        return self.transport.fetch_data(CurrentUserData, "GET", "/api/auth/me")

    def sign_in(self, email: str, password: str) -> UserData:
        """Sign in as a person; the client keeps the session's cookie."""
        body = {"email": email, "password": password}
        answer = self.transport.fetch_envelope(SignInUserData, "POST", "/api/auth/login", body=body)
        self.transport.authentication.csrf_token = answer["csrfToken"]
        return answer["data"]

    def sign_out(self) -> None:
        self.transport.call("POST", "/api/auth/logout")
        self.transport.authentication.csrf_token = None

    def change_password(self, old_password: str, new_password: str) -> None:
        """Change the password; all other sessions end."""
        body = {"oldPassword": old_password, "newPassword": new_password}
        answer = self.transport.fetch_envelope(
            ChangePasswordData, "POST", "/api/auth/password", body=body
        )
        self.transport.authentication.csrf_token = answer["csrfToken"]

    def list_sessions(self) -> list[SessionData]:
        return self.transport.fetch_data(list[SessionData], "GET", "/api/sessions")

    def end_session(self, session_id: int) -> None:
        self.transport.call(
            "DELETE", "/api/sessions/{session_id}", values={"session_id": session_id}
        )

    def end_other_sessions(self) -> int:
        """Return how many have ended."""
        return self.transport.fetch_data(EndedSessionsData, "DELETE", "/api/sessions")["ended"]


@dataclass(frozen=True)
class KeysApi:
    transport: Transport

    def list(self) -> list[KeyData]:
        """List my API keys, newest first, without the keys themselves."""
        return self.transport.fetch_data(list[KeyData], "GET", "/api/keys")

    def create(
        self, name: str, scopes: Sequence[str], *, expires_at: datetime | None = None
    ) -> NewKeyData:
        """Create an API key with some of my own scopes; `key` is shown once."""
        body = {"name": name, "scopes": [*scopes], "expiresAt": expires_at}
        return self.transport.fetch_data(NewKeyData, "POST", "/api/keys", body=body)

    def revoke(self, key_id: int) -> None:
        """Revoke an API key, immediately and permanently."""
        self.transport.call("DELETE", "/api/keys/{key_id}", values={"key_id": key_id})
