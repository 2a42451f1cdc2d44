"""Drafts: what is written and not yet posted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from signalpost_client.data_types import DraftData, FullDraftData
from signalpost_client.transport import Transport

DRAFT_TEMPLATE = "/api/drafts/{draft_id}"


@dataclass(frozen=True)
class DraftsApi:
    transport: Transport

    def list(self) -> list[DraftData]:
        """List my drafts, the one that was changed last first, without their payloads."""
        return self.transport.fetch_data(list[DraftData], "GET", "/api/drafts")

    def get(self, draft_id: UUID | str) -> FullDraftData:
        return self.transport.fetch_data(
            FullDraftData, "GET", DRAFT_TEMPLATE, values={"draft_id": draft_id}
        )

    def save(
        self,
        draft_id: UUID | str,
        payload: Mapping[str, Any],
        *,
        title: str = "",
        version: int | None = None,
    ) -> FullDraftData:
        """Store a draft under an id that you choose; with `version` only in place of that one.

        Errors: VersionConflict if somebody has saved a newer version.
        """
        return self.transport.fetch_data(
            FullDraftData,
            "PUT",
            DRAFT_TEMPLATE,
            values={"draft_id": draft_id},
            body={"title": title, "payload": payload},
            headers={} if version is None else {"If-Match": f'"{version}"'},
        )

    def delete(self, draft_id: UUID | str) -> None:
        """Delete a draft; the files that it names stay until they expire."""
        self.transport.call("DELETE", DRAFT_TEMPLATE, values={"draft_id": draft_id})
