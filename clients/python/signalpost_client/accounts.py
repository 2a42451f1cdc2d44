"""Connected accounts: platforms, logins, the destinations behind them, their quotas."""

from dataclasses import dataclass
from typing import Literal

from signalpost_client.data_types import (
    AccountQuotasData,
    CheckConnectionData,
    DestinationData,
    DisconnectAccountData,
    PlaceData,
    PlatformData,
    ShowPlatformStatusData,
)
from signalpost_client.transport import Transport


@dataclass(frozen=True)
class AccountsApi:
    transport: Transport

    def list_platforms(self) -> list[PlatformData]:
        """List the platforms with my logins at each."""
        return self.transport.fetch_data(list[PlatformData], "GET", "/api/platforms")

    def get_status(self, platform: str) -> ShowPlatformStatusData:
        """Return my logins at a platform."""
        return self.transport.fetch_envelope(
            ShowPlatformStatusData,
            "GET",
            "/api/platforms/{platform}/status",
            values={"platform": platform},
        )

    def list_destinations(self, platform: str) -> list[DestinationData]:
        """List the accounts behind my logins, where a login opens several."""
        return self.transport.fetch_data(
            list[DestinationData],
            "GET",
            "/api/platforms/{platform}/accounts",
            values={"platform": platform},
        )

    def select_destinations(self, platform: str, ids: list[int]) -> list[DestinationData]:
        """Choose the accounts that are posted to, in place of those chosen before."""
        return self.transport.fetch_data(
            list[DestinationData],
            "POST",
            "/api/platforms/{platform}/select",
            values={"platform": platform},
            body={"accountIds": ids},
        )

    def disconnect(
        self,
        platform: str,
        account_id: int | None = None,
        *,
        erase: bool = False,
        queued: Literal["hold", "cancel"] = "hold",
    ) -> DisconnectAccountData:
        """Disconnect a login; `queued` says what becomes of its posts that wait.

        `erase` deletes its history too.
        """
        return self.transport.fetch_envelope(
            DisconnectAccountData,
            "POST",
            "/api/platforms/{platform}/disconnect",
            values={"platform": platform},
            body={"accountId": account_id, "erase": erase, "queued": queued},
        )

    def check_connection(self, platform: str) -> CheckConnectionData:
        """Check settings and logins of a platform, with a call to it."""
        return self.transport.fetch_envelope(
            CheckConnectionData,
            "GET",
            "/api/{platform}/test-auth",
            values={"platform": platform},
        )

    def get_quota(
        self, platform: str, *, account_id: int | None = None, destination_id: int | None = None
    ) -> AccountQuotasData:
        """Return how much of a platform's limits an account has used."""
        return self.transport.fetch_data(
            AccountQuotasData,
            "GET",
            "/api/platforms/{platform}/quota",
            values={"platform": platform},
            query={"account_id": account_id, "destination_id": destination_id},
        )

    def search_places(
        self, platform: str, text: str, *, account_id: int | None = None
    ) -> list[PlaceData]:
        """Look for places that a post can be tagged with."""
        return self.transport.fetch_data(
            list[PlaceData],
            "GET",
            "/api/{platform}/locations",
            values={"platform": platform},
            query={"q": text, "accountId": account_id},
        )
