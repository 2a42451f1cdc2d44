"""For operators, with the scope `admin`: webhook events, users, queues, alerts, the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signalpost_client.data_types import (
    AdminAccountData,
    AdminUserData,
    AlertData,
    AuditEntryData,
    CheckAlertsData,
    CircuitData,
    DisableUserData,
    DiscardCountData,
    DiscardEventData,
    EnableUserData,
    FullWebhookEventData,
    ListAlertsData,
    ListQueuesData,
    ProcessWebhooksData,
    RateLimitData,
    RefreshDueTokensData,
    ReplayCountData,
    ReplayEventData,
    ResolveAlertData,
    RestoreEventsData,
    SampleDueInsightsData,
    SummarizeMetricsData,
    ValidateInstallationData,
    WebhookEventData,
)
from signalpost_client.pages import PagedList
from signalpost_client.transport import Transport

EVENTS_PATH = "/api/admin/webhook-events"


@dataclass(frozen=True)
class EventsApi:
    """The webhook events that platforms have sent."""

    transport: Transport

    def list(
        self,
        *,
        status: str | None = None,
        provider: str | None = None,
        kind: str | None = None,
        page_size: int = 100,
    ) -> PagedList[WebhookEventData]:
        """List events, newest first; the status `dead` has those that were given up."""
        query = {"status": status, "provider": provider, "type": kind, "limit": page_size}
        return PagedList(self.transport, EVENTS_PATH, {}, query)

    def get(self, event_id: int) -> FullWebhookEventData:
        return self.transport.fetch_data(
            FullWebhookEventData,
            "GET",
            "/api/admin/webhook-events/{event_id}",
            values={"event_id": event_id},
        )

    def replay(self, event_id: int) -> ReplayEventData:
        """Apply an event again."""
        return self.transport.fetch_envelope(
            ReplayEventData,
            "POST",
            "/api/admin/webhook-events/{event_id}/replay",
            values={"event_id": event_id},
        )

    def replay_many(
        self,
        ids: Sequence[int] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        provider: str | None = None,
        kind: str | None = None,
        dry_run: bool = False,
    ) -> ReplayCountData:
        """Apply events again, by their ids or by time; with `dry_run` they are only counted."""
        body = {
            "ids": None if ids is None else [*ids],
            "since": since,
            "until": until,
            "provider": provider,
            "type": kind,
            "dry_run": dry_run,
        }
        return self.transport.fetch_envelope(
            ReplayCountData, "POST", "/api/admin/webhook-events/replay", body=body
        )

    def discard(self, event_id: int) -> DiscardEventData:
        """Give a dead event up, so that it is no longer counted."""
        return self.transport.fetch_envelope(
            DiscardEventData,
            "POST",
            "/api/admin/webhook-events/{event_id}/discard",
            values={"event_id": event_id},
        )

    def discard_many(
        self,
        ids: Sequence[int] | None = None,
        *,
        code: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        provider: str | None = None,
        kind: str | None = None,
        all_dead: bool = False,
        dry_run: bool = False,
    ) -> DiscardCountData:
        """Give dead events up: by their ids, their error, by time, or all; 10,000 at most.

        With `dry_run` they are only counted.
        """
        body = {
            "ids": None if ids is None else [*ids],
            "code": code,
            "since": since,
            "until": until,
            "provider": provider,
            "type": kind,
            "all": all_dead,
            "dry_run": dry_run,
        }
        return self.transport.fetch_envelope(
            DiscardCountData, "POST", "/api/admin/webhook-events/discard", body=body
        )

    def restore(self, discarded_at: datetime) -> RestoreEventsData:
        """Make what was discarded at this time dead letters again."""
        return self.transport.fetch_envelope(
            RestoreEventsData,
            "POST",
            "/api/admin/webhook-events/restore",
            body={"discarded_at": discarded_at},
        )


@dataclass(frozen=True)
class OperatorApi:
    transport: Transport

    @property
    def events(self) -> EventsApi:
        return EventsApi(self.transport)

    def list_audit_entries(
        self,
        *,
        user_id: int | None = None,
        actor: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        correlation_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int = 100,
    ) -> PagedList[AuditEntryData]:
        """List who changed what, newest first."""
        query = {
            "userId": user_id,
            "actor": actor,
            "action": action,
            "subject": subject,
            "correlationId": correlation_id,
            "since": since,
            "until": until,
            "limit": page_size,
        }
        return PagedList(self.transport, "/api/admin/audit", {}, query)

    def list_users(
        self, *, text: str | None = None, page_size: int = 100
    ) -> PagedList[AdminUserData]:
        query = {"q": text, "limit": page_size}
        return PagedList(self.transport, "/api/admin/users", {}, query)

    def disable_user(self, user_id: int) -> AdminUserData:
        """Refuse a user everything: sessions and keys stop to work at once."""
        return self.transport.fetch_envelope(
            DisableUserData,
            "POST",
            "/api/admin/users/{user_id}/disable",
            values={"user_id": user_id},
        )["user"]

    def enable_user(self, user_id: int) -> AdminUserData:
        return self.transport.fetch_envelope(
            EnableUserData,
            "POST",
            "/api/admin/users/{user_id}/enable",
            values={"user_id": user_id},
        )["user"]

    def get_account(self, account_id: int) -> AdminAccountData:
        """Return the state of any user's login, without its tokens."""
        return self.transport.fetch_data(
            AdminAccountData,
            "GET",
            "/api/admin/accounts/{account_id}",
            values={"account_id": account_id},
        )

    def get_queues(self) -> ListQueuesData:
        return self.transport.fetch_envelope(ListQueuesData, "GET", "/api/admin/queues")

    def list_circuit_breakers(self) -> list[CircuitData]:
        return self.transport.fetch_data(list[CircuitData], "GET", "/api/admin/circuit-breakers")

    def list_rate_limits(self) -> list[RateLimitData]:
        """Return the limits of calls to platforms, each with the account that used most of it."""
        return self.transport.fetch_data(list[RateLimitData], "GET", "/api/admin/rate-limits")

    def get_config(self) -> dict[str, bool]:
        """Return which settings are set, without their values."""
        return self.transport.fetch_data(dict[str, bool], "GET", "/api/admin/config")

    def list_alerts(self, *, include_resolved: bool = False) -> ListAlertsData:
        return self.transport.fetch_envelope(
            ListAlertsData,
            "GET",
            "/api/monitoring/alerts",
            query={"includeResolved": include_resolved},
        )

    def resolve_alert(self, alert_id: int) -> AlertData:
        return self.transport.fetch_envelope(
            ResolveAlertData, "POST", "/api/monitoring/alerts", body={"alertId": alert_id}
        )["alert"]

    def summarize_metrics(self) -> SummarizeMetricsData:
        """Return how connections, posts, events and renewals went in the last day."""
        return self.transport.fetch_envelope(SummarizeMetricsData, "GET", "/api/monitoring/metrics")

    def validate_installation(self, *, probe: bool = False) -> ValidateInstallationData:
        """Return how healthy stores and platforms are; `probe` asks the platforms."""
        return self.transport.fetch_envelope(
            ValidateInstallationData, "GET", "/api/validation/health", query={"probe": probe}
        )


@dataclass(frozen=True)
class WorkersApi:
    """Work that is otherwise done by itself, done during the call; with the scope `workers:run`."""

    transport: Transport

    def process_webhooks(self) -> ProcessWebhooksData:
        return self.transport.fetch_envelope(ProcessWebhooksData, "POST", "/api/workers/webhooks")

    def refresh_tokens(self) -> RefreshDueTokensData:
        return self.transport.fetch_envelope(
            RefreshDueTokensData, "POST", "/api/workers/token-refresh"
        )

    def sample_insights(self, platform: str) -> SampleDueInsightsData:
        return self.transport.fetch_envelope(
            SampleDueInsightsData,
            "POST",
            "/api/workers/{platform}-insights",
            values={"platform": platform},
        )

    def check_alerts(self) -> CheckAlertsData:
        return self.transport.fetch_envelope(CheckAlertsData, "POST", "/api/workers/alert-checker")
