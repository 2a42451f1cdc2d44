"""Endpoints: URLs of yours that signalpost sends signed messages to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signalpost_client.data_types import (
    DeliveryData,
    DeliveryDiscardData,
    DeliveryRestoreData,
    EndpointData,
    ListEndpointsData,
    NewEndpointData,
    RedeliveryData,
)
from signalpost_client.pages import PagedList
from signalpost_client.transport import JsonObject, Transport

ENDPOINTS_PATH = "/api/endpoints"
ENDPOINT_TEMPLATE = "/api/endpoints/{endpoint_id}"


@dataclass(frozen=True)
class EndpointsApi:
    transport: Transport

    def list(self) -> ListEndpointsData:
        """List my endpoints (`data`), and all kinds of events with what they mean (`events`)."""
        return self.transport.fetch_envelope(ListEndpointsData, "GET", ENDPOINTS_PATH)

    def create(
        self, url: str, *, events: Sequence[str] = (), description: str = ""
    ) -> NewEndpointData:
        """Add an endpoint for some events, or for all; `secret` is shown once."""
        body = {"url": url, "events": [*events], "description": description}
        return self.transport.fetch_data(NewEndpointData, "POST", ENDPOINTS_PATH, body=body)

    def get(self, endpoint_id: int) -> EndpointData:
        return self.transport.fetch_data(
            EndpointData, "GET", ENDPOINT_TEMPLATE, values={"endpoint_id": endpoint_id}
        )

    def update(
        self,
        endpoint_id: int,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> EndpointData:
        """Change an endpoint. What is None stays as it is."""
        changes: JsonObject = {"url": url, "description": description, "enabled": enabled}
        changes["events"] = None if events is None else [*events]
        return self.transport.fetch_data(
            EndpointData,
            "PATCH",
            ENDPOINT_TEMPLATE,
            values={"endpoint_id": endpoint_id},
            body={name: value for name, value in changes.items() if value is not None},
        )

    def delete(self, endpoint_id: int) -> None:
        self.transport.call("DELETE", ENDPOINT_TEMPLATE, values={"endpoint_id": endpoint_id})

    def rotate_secret(self, endpoint_id: int) -> NewEndpointData:
        """Return a new secret; for a while messages are signed with both."""
        return self.transport.fetch_data(
            NewEndpointData,
            "POST",
            "/api/endpoints/{endpoint_id}/rotate",
            values={"endpoint_id": endpoint_id},
        )

    def send_test_event(self, endpoint_id: int) -> DeliveryData:
        return self.transport.fetch_data(
            DeliveryData,
            "POST",
            "/api/endpoints/{endpoint_id}/test",
            values={"endpoint_id": endpoint_id},
        )

    def list_deliveries(
        self,
        endpoint_id: int,
        *,
        event: str | None = None,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int = 100,
    ) -> PagedList[DeliveryData]:
        """List the messages to an endpoint with their tries, newest first."""
        template, values = "/api/endpoints/{endpoint_id}/deliveries", {"endpoint_id": endpoint_id}
        query = {"event": event, "state": state, "since": since, "until": until}
        return PagedList(self.transport, template, values, {**query, "limit": page_size})

    def redeliver_dead(
        self, endpoint_id: int, *, since: datetime, dry_run: bool = False
    ) -> RedeliveryData:
        """Send again, or count, what could not be delivered since a time."""
        return self.transport.fetch_data(
            RedeliveryData,
            "POST",
            "/api/endpoints/{endpoint_id}/redeliver",
            values={"endpoint_id": endpoint_id},
            body={"since": since, "dry_run": dry_run},
        )

    def discard_dead(
        self, endpoint_id: int, *, since: datetime, dry_run: bool = False
    ) -> DeliveryDiscardData:
        """Give up, or count, what could not be delivered since a time."""
        return self.transport.fetch_data(
            DeliveryDiscardData,
            "POST",
            "/api/endpoints/{endpoint_id}/discard",
            values={"endpoint_id": endpoint_id},
            body={"since": since, "dry_run": dry_run},
        )

    def restore_discarded(self, endpoint_id: int, discarded_at: datetime) -> DeliveryRestoreData:
        """Make what was given up at this time dead letters again."""
        return self.transport.fetch_data(
            DeliveryRestoreData,
            "POST",
            "/api/endpoints/{endpoint_id}/restore",
            values={"endpoint_id": endpoint_id},
            body={"discarded_at": discarded_at},
        )

    def redeliver(self, delivery_id: int) -> DeliveryData:
        """Send one message again."""
        return self.transport.fetch_data(
            DeliveryData,
            "POST",
            "/api/deliveries/{delivery_id}/redeliver",
            values={"delivery_id": delivery_id},
        )
