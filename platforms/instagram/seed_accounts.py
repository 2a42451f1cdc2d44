"""The account routes' own field names from before the generic ones, as translations of them."""

from collections.abc import Mapping
from typing import Any


class InstagramAccountShapes:
    """The `AccountShapes` of Instagram."""

    def to_account_fields(self, account: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `GET /api/platforms/instagram/accounts` adds to the generic fields."""
        details = account["details"]
        return {
            "igBusinessId": account["externalId"],
            "username": account["handle"],
            "pageId": details.get("page_id"),
            "pageName": details.get("page_name"),
            "profilePictureUrl": account["avatarUrl"],
            "followersCount": details.get("followers_count"),
        }

    def to_status_fields(
        self, login: Mapping[str, Any] | None, account: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return the top-level fields of `GET /api/platforms/instagram/status`.

        `login` is the newest one, `account` the first that is chosen in it. What is not known is
        left out.
        """
        if login is None:
            return {"missingPermissions": [], "needsReconnect": False}
        fields: dict[str, Any] = {
            "scope": login["scope"],
            "missingPermissions": login["missingScopes"],
            "tokenExpiresAt": login["tokenExpiresAt"],
            "needsReconnect": login["needsReconnect"]
            or bool(account and account["needsReconnect"]),
        }
        if account is not None:
            account_fields = self.to_account_fields(account)
            names = ("username", "igBusinessId", "pageId", "pageName", "followersCount")
            fields |= {name: account_fields[name] for name in names}
        return {name: value for name, value in fields.items() if value is not None}
