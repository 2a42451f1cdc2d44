"""Subscribes accounts to webhooks: for Facebook Login two calls, for Instagram Login one.

The Page edge installs the app and takes field names of Pages only; the account's edge takes those
of Instagram.

Source: Meta, Page and IG User `subscribed_apps`, read 2026-11-22; that the Page edge refuses
Instagram's names was measured on v23.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platforms.errors import NotReadable, Rejected
from platforms.http import SAFE_RETRY
from platforms.instagram.fallback import with_fallback
from platforms.instagram.graph import Flavour, GraphClient
from platforms.logins import Destination
from platforms.secret import Secret
from platforms.vendor_values import read_flag, read_id, read_list, read_names, read_object

PAGE_FIELDS = ("feed",)  # at least one is needed to install the app on the Page
ACCOUNT_FIELDS: Mapping[Flavour, tuple[str, ...]] = {
    "facebook": ("comments", "live_comments", "mentions", "story_insights"),
    "instagram": ("comments", "live_comments"),  # the other two do not exist there
}
PAGE_EDGE, ACCOUNT_EDGE = "page", "account"
NOT_KEPT = "subscription_not_kept"
PAGE_ENDPOINT, ACCOUNT_ENDPOINT = "subscribed_apps_page", "subscribed_apps_ig"


@dataclass(frozen=True)
class Subscription:
    """One edge that has to be subscribed: its node, its fields, its name in logs."""

    node_id: str
    fields: tuple[str, ...]
    endpoint: str


@dataclass(frozen=True)
class InstagramSubscriber:
    """Subscribes accounts. All calls are safe to repeat: a list of fields replaces the last one.

    The app's setting `subscribe_edge` names a single edge, or `auto` for all that are needed.
    """

    graph: GraphClient

    def subscribe(
        self, destination: Destination, token: Secret, fallback_token: Secret | None
    ) -> None:
        """Subscribe and read it back. Errors: Rejected with Meta's sentence, or `NOT_KEPT`.

        One edge that is refused does not keep the other from being subscribed.
        """
        refusals: list[Rejected] = []
        for subscription in self._list_subscriptions(destination):
            try:
                self._write(subscription, token, fallback_token)
            except Rejected as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]
        missing = set(self._all_fields(destination)).difference(
            self.read_subscription(destination, token, fallback_token)
        )
        if missing:
            names = ", ".join(sorted(missing))
            raise Rejected(f"Instagram did not keep the subscription to {names}", code=NOT_KEPT)

    def read_subscription(
        self, destination: Destination, token: Secret, fallback_token: Secret | None
    ) -> tuple[str, ...]:
        """Return the subscribed fields; empty if one of the edges has no subscription."""
        found: list[str] = []
        for subscription in self._list_subscriptions(destination):
            fields = self._read(subscription, token, fallback_token)
            if not fields:
                return ()
            found += fields
        return tuple(dict.fromkeys(found))

    def unsubscribe(self, destination: Destination, token: Secret) -> None:
        """End the subscription; one that Meta does not show any more has ended.

        Errors: Rejected, after all edges were tried.
        """
        refusals: list[Rejected] = []
        for subscription in self._list_subscriptions(destination):
            path = f"{subscription.node_id}/subscribed_apps"
            try:
                self.graph.delete(path, token, endpoint=subscription.endpoint)
            except NotReadable:
                continue
            except Rejected as error:
                refusals.append(error)
        if refusals:
            raise refusals[0]

    def _list_subscriptions(self, destination: Destination) -> list[Subscription]:
        edge = self.graph.app.extra.get("subscribe_edge")
        page_id = read_id(destination.details.get("page_id"))
        has_page = self.graph.flavour == "facebook" and page_id is not None
        subscriptions = []
        if has_page and edge != ACCOUNT_EDGE:
            subscriptions.append(Subscription(str(page_id), PAGE_FIELDS, PAGE_ENDPOINT))
        if edge != PAGE_EDGE or not has_page:
            fields = ACCOUNT_FIELDS[self.graph.flavour]
            subscriptions.append(Subscription(destination.external_id, fields, ACCOUNT_ENDPOINT))
        return subscriptions

    def _all_fields(self, destination: Destination) -> tuple[str, ...]:
        subscriptions = self._list_subscriptions(destination)
        return tuple(name for subscription in subscriptions for name in subscription.fields)

    def _write(
        self, subscription: Subscription, token: Secret, fallback_token: Secret | None
    ) -> None:
        def send(used_token: Secret) -> Mapping[str, Any]:
            return self.graph.post(
                f"{subscription.node_id}/subscribed_apps",
                used_token,
                endpoint=subscription.endpoint,
                params={"subscribed_fields": ",".join(subscription.fields)},
                retry=SAFE_RETRY,
            ).body

        body = with_fallback(send, token, fallback_token)
        if read_flag(body.get("success")) is False:
            raise Rejected("Instagram did not accept the subscription", code=NOT_KEPT)

    def _read(
        self, subscription: Subscription, token: Secret, fallback_token: Secret | None
    ) -> tuple[str, ...]:
        def fetch(used_token: Secret) -> Mapping[str, Any]:
            path = f"{subscription.node_id}/subscribed_apps"
            return self.graph.get(path, used_token, endpoint=subscription.endpoint).body

        body = with_fallback(fetch, token, fallback_token)
        return tuple(
            name
            for app in map(read_object, read_list(body.get("data")))
            if app is not None and self._is_our_app(app)
            for name in read_fields(app, subscription.fields)
        )

    def _is_our_app(self, app: Mapping[str, Any]) -> bool:
        """Return whether an entry is ours; lists of Pages show the apps of others too."""
        app_id = read_id(app.get("app_id") or app.get("id"))
        is_named = app_id is not None and self.graph.flavour == "facebook"
        return not is_named or app_id == self.graph.app.client_key


def read_fields(app: Mapping[str, Any], expected: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields of an entry; the expected ones if it is named without any."""
    if "subscribed_fields" not in app:
        return expected
    return read_names(app.get("subscribed_fields"))
