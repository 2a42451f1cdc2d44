"""Wraps the adapters of a platform so that each of their calls passes through a circuit breaker.

Webhooks are not wrapped: verifying and parsing a delivery makes no call.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from core.limits.circuits import Circuits
from platforms.adapter import Adapter
from platforms.base import (
    PostingOptionsReader,
)
from platforms.comments import CommentPage, Comments, PlatformComment
from platforms.insights_base import (
    AccountAccess,
    DetailedInsights,
    Insights,
    ItemPage,
    MetricCounts,
    MetricReport,
    PublicItem,
)
from platforms.logins import (
    Destination,
    FlowRules,
    FoundDestinations,
    LoginFlow,
    LoginGrant,
    LoginIdentity,
    TokenInspection,
    WebhookSubscriber,
)
from platforms.places import Place, PlaceSearch
from platforms.platform import CircuitName
from platforms.secret import Secret

T = TypeVar("T")


@dataclass(frozen=True)
class PlatformCircuits:
    """The circuits of one platform."""

    platform: str
    circuits: Circuits

    def call(self, circuit_name: CircuitName, operation: Callable[[], T]) -> T:
        return self.circuits.call(self.platform, circuit_name, operation)


@dataclass(frozen=True)
class CircuitLoginFlow:
    """A `LoginFlow` adapter behind circuits."""

    adapter: LoginFlow
    circuits: PlatformCircuits

    @property
    def rules(self) -> FlowRules:
        return self.adapter.rules

    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        force_consent: bool = False,
        code_verifier: str | None = None,
    ) -> str:
        """Build the URL of the consent page. Makes no call, so it needs no circuit."""
        return self.adapter.authorize_url(
            state=state, scopes=scopes, force_consent=force_consent, code_verifier=code_verifier
        )

    def exchange_code(self, code: str, *, code_verifier: str | None = None) -> LoginGrant:
        return self.circuits.call(
            "oauth", lambda: self.adapter.exchange_code(code, code_verifier=code_verifier)
        )

    def identify(self, grant: LoginGrant) -> LoginIdentity:
        return self.circuits.call("read", lambda: self.adapter.identify(grant))

    def find_destinations(self, grant: LoginGrant) -> FoundDestinations:
        return self.circuits.call("read", lambda: self.adapter.find_destinations(grant))

    def renew(self, *, access_token: Secret, refresh_token: Secret | None) -> LoginGrant:
        return self.circuits.call(
            "oauth",
            lambda: self.adapter.renew(access_token=access_token, refresh_token=refresh_token),
        )

    def inspect_token(self, token: Secret) -> TokenInspection | None:
        return self.circuits.call("oauth", lambda: self.adapter.inspect_token(token))

    def fetch_destination(self, external_id: str, token: Secret) -> Destination | None:
        return self.circuits.call(
            "read", lambda: self.adapter.fetch_destination(external_id, token)
        )

    def revoke(self, token: Secret) -> None:
        return self.circuits.call("oauth", lambda: self.adapter.revoke(token))


@dataclass(frozen=True)
class CircuitWebhookSubscriber:
    """A `WebhookSubscriber` adapter behind circuits."""

    adapter: WebhookSubscriber
    circuits: PlatformCircuits

    def subscribe(
        self, destination: Destination, token: Secret, fallback_token: Secret | None
    ) -> None:
        return self.circuits.call(
            "oauth", lambda: self.adapter.subscribe(destination, token, fallback_token)
        )

    def read_subscription(
        self, destination: Destination, token: Secret, fallback_token: Secret | None
    ) -> tuple[str, ...]:
        return self.circuits.call(
            "read", lambda: self.adapter.read_subscription(destination, token, fallback_token)
        )

    def unsubscribe(self, destination: Destination, token: Secret) -> None:
        return self.circuits.call("oauth", lambda: self.adapter.unsubscribe(destination, token))


@dataclass(frozen=True)
class CircuitPostingOptionsReader:
    """A `PostingOptionsReader` behind circuits."""

    adapter: PostingOptionsReader
    circuits: PlatformCircuits

    def fetch_posting_options(self, token: Secret) -> Mapping[str, Any]:
        return self.circuits.call("read", lambda: self.adapter.fetch_posting_options(token))


@dataclass(frozen=True)
class CircuitInsights:
    """An `Insights` adapter behind circuits."""

    adapter: Insights
    circuits: PlatformCircuits

    @property
    def listings(self) -> tuple[str, ...]:
        return self.adapter.listings

    @property
    def max_items_per_query(self) -> int:
        return self.adapter.max_items_per_query

    def fetch_account_totals(self, access: AccountAccess) -> MetricCounts:
        return self.circuits.call("read", lambda: self.adapter.fetch_account_totals(access))

    def fetch_item_page(
        self, access: AccountAccess, *, listing: str | None = None, cursor: str | None = None
    ) -> ItemPage:
        return self.circuits.call(
            "read", lambda: self.adapter.fetch_item_page(access, listing=listing, cursor=cursor)
        )

    def fetch_items(self, access: AccountAccess, *, ids: Sequence[str]) -> tuple[PublicItem, ...]:
        return self.circuits.call("read", lambda: self.adapter.fetch_items(access, ids=ids))


@dataclass(frozen=True)
class CircuitDetailedInsights:
    """A `DetailedInsights` adapter behind circuits."""

    adapter: DetailedInsights
    circuits: PlatformCircuits

    def fetch_item_metrics(self, item: PublicItem, access: AccountAccess) -> MetricReport:
        return self.circuits.call("read", lambda: self.adapter.fetch_item_metrics(item, access))

    def fetch_account_metrics(
        self, access: AccountAccess, *, since: datetime, until: datetime
    ) -> MetricReport:
        return self.circuits.call(
            "read",
            lambda: self.adapter.fetch_account_metrics(access, since=since, until=until),
        )

    def fetch_audience_metrics(self, access: AccountAccess) -> MetricReport:
        return self.circuits.call("read", lambda: self.adapter.fetch_audience_metrics(access))


@dataclass(frozen=True)
class CircuitComments:
    """A `Comments` adapter behind circuits."""

    adapter: Comments
    circuits: PlatformCircuits

    def list_comments(
        self,
        post_id: str,
        token: Secret,
        *,
        cursor: str | None = None,
        fallback_token: Secret | None = None,
    ) -> CommentPage:
        return self.circuits.call(
            "read",
            lambda: self.adapter.list_comments(
                post_id, token, cursor=cursor, fallback_token=fallback_token
            ),
        )

    def fetch_comment(
        self,
        comment_id: str,
        token: Secret,
        *,
        account_id: str,
        is_mention: bool = False,
        fallback_token: Secret | None = None,
    ) -> PlatformComment | None:
        return self.circuits.call(
            "read",
            lambda: self.adapter.fetch_comment(
                comment_id,
                token,
                account_id=account_id,
                is_mention=is_mention,
                fallback_token=fallback_token,
            ),
        )

    def fetch_mentioned_post(
        self,
        post_id: str,
        token: Secret,
        *,
        account_id: str,
        fallback_token: Secret | None = None,
    ) -> PublicItem | None:
        return self.circuits.call(
            "read",
            lambda: self.adapter.fetch_mentioned_post(
                post_id, token, account_id=account_id, fallback_token=fallback_token
            ),
        )

    def reply(self, comment: PlatformComment, text: str, token: Secret) -> str:
        return self.circuits.call("publish", lambda: self.adapter.reply(comment, text, token))

    def find_own_reply(
        self, comment: PlatformComment, text: str, token: Secret, *, since: datetime
    ) -> str | None:
        return self.circuits.call(
            "read", lambda: self.adapter.find_own_reply(comment, text, token, since=since)
        )

    def set_hidden(self, comment_id: str, is_hidden: bool, token: Secret) -> None:  # noqa: FBT001 - the value itself
        return self.circuits.call(
            "publish", lambda: self.adapter.set_hidden(comment_id, is_hidden, token)
        )

    def delete(self, comment_id: str, token: Secret) -> None:
        return self.circuits.call("publish", lambda: self.adapter.delete(comment_id, token))

    def set_enabled(self, post_id: str, is_enabled: bool, token: Secret) -> None:  # noqa: FBT001 - the value itself
        return self.circuits.call(
            "publish", lambda: self.adapter.set_enabled(post_id, is_enabled, token)
        )


@dataclass(frozen=True)
class CircuitPlaceSearch:
    """A `PlaceSearch` adapter behind circuits."""

    adapter: PlaceSearch
    circuits: PlatformCircuits

    def search_places(self, query: str, token: Secret) -> tuple[Place, ...]:
        return self.circuits.call("read", lambda: self.adapter.search_places(query, token))


def wrap_adapters(adapters: Mapping[str, Adapter], circuits: Circuits) -> dict[str, Adapter]:
    """Return the same adapters with their calls behind these circuits."""
    return {name: wrap_adapter(adapter, circuits) for name, adapter in adapters.items()}


def wrap_adapter(adapter: Adapter, circuits: Circuits) -> Adapter:
    platform_circuits = PlatformCircuits(adapter.name, circuits)
    insights, detailed = adapter.insights, adapter.detailed_insights
    flow, subscriber = adapter.flow, adapter.subscriber
    comments, places, options = adapter.comments, adapter.places, adapter.posting_options
    return replace(
        adapter,
        comments=None if comments is None else CircuitComments(comments, platform_circuits),
        places=None if places is None else CircuitPlaceSearch(places, platform_circuits),
        flow=None if flow is None else CircuitLoginFlow(flow, platform_circuits),
        subscriber=(
            None if subscriber is None else CircuitWebhookSubscriber(subscriber, platform_circuits)
        ),
        posting_options=(
            None if options is None else CircuitPostingOptionsReader(options, platform_circuits)
        ),
        insights=None if insights is None else CircuitInsights(insights, platform_circuits),
        detailed_insights=(
            None if detailed is None else CircuitDetailedInsights(detailed, platform_circuits)
        ),
    )
