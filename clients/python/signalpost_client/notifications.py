"""Notifications: what a person should know about accounts and posts."""

from dataclasses import dataclass

from signalpost_client.data_types import MarkAllNotificationsReadData, NotificationData
from signalpost_client.pages import PagedList
from signalpost_client.transport import Transport


@dataclass(frozen=True)
class NotificationsApi:
    transport: Transport

    def list(
        self, *, unread: bool | None = None, page_size: int = 100
    ) -> PagedList[NotificationData]:
        """List my notifications, newest first; the envelope of a page counts the `unread` ones."""
        query = {"unread": unread, "limit": page_size}
        return PagedList(self.transport, "/api/notifications", {}, query)

    def mark_read(self, notification_id: int) -> None:
        self.transport.call(
            "POST",
            "/api/notifications/{notification_id}/read",
            values={"notification_id": notification_id},
        )

    def mark_all_read(self) -> int:
        """Return how many were unread."""
        return self.transport.fetch_envelope(
            MarkAllNotificationsReadData, "POST", "/api/notifications/read-all"
        )["read"]
