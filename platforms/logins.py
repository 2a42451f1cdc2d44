"""What connecting an account means on every platform.

One login (a row of `oauth_accounts`) opens none, one or several destinations: accounts that can be
posted to. Where the login itself is posted to, it has no rows of destinations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from platforms.publishing import Capability
from platforms.secret import Secret


class RenewalKind(StrEnum):
    """How the token of a login is renewed."""

    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a kind of renewal: a second token is exchanged
    EXCHANGE = "exchange"  # the access token itself is exchanged while it is valid
    NOTHING = "nothing"  # it does not expire


@dataclass(frozen=True)
class RenewalRule:
    """When and how a token is renewed.

    `due_before_end`: how long before the end of an exchanged token it is renewed. `min_age`: the
    platform refuses to renew a younger token. `min_interval`: between two renewals.
    """

    kind: RenewalKind
    due_before_end: timedelta | None = None  # None: by the share of the lifetime that core uses
    min_age: timedelta = timedelta(0)
    min_interval: timedelta = timedelta(0)


@dataclass(frozen=True)
class FlowRules:
    """A way to sign in at a platform.

    `scopes`: what each capability needs in this flow. `required_scopes`: without these the
    connection is refused. `default_scopes`: asked for unless the settings say otherwise.
    `has_chooser`: a login may open several destinations; if it opens none,
    the connection is refused with `no_destination_code`. `can_inspect`: the platform can be asked
    whether a token is still valid.
    """

    name: str  # "tiktok", "facebook", "instagram"
    scopes: Mapping[Capability, frozenset[str]]
    required_scopes: frozenset[str]
    renewal: RenewalRule
    has_chooser: bool = False
    can_inspect: bool = False
    default_scopes: tuple[str, ...] = ()
    no_destination_code: str = "no_destination"


@dataclass(frozen=True)
class LoginGrant:
    """The tokens of one login. A lifetime of None means that the platform gave no end.

    `scopes` of None: the response did not name them, `identify` has to.
    """

    access_token: Secret
    lifetime: timedelta | None
    refresh_token: Secret | None = None
    refresh_lifetime: timedelta | None = None
    scopes: tuple[str, ...] | None = None
    login_id: str | None = None  # None if the response does not name the person
    token_type: str = "Bearer"  # noqa: S105 - a kind of token, not a token
    is_lifetime_assumed: bool = False
    data_access_until: datetime | None = None
    has_no_end: bool = False  # the token really has no end, and is not renewed


@dataclass(frozen=True)
class LoginIdentity:
    """Who signed in. `aliases` are other ids that the platform's callbacks may use for them."""

    login_id: str | None
    aliases: tuple[str, ...] = ()
    display_name: str | None = None
    avatar_url: str | None = None
    scopes: tuple[str, ...] | None = None  # GRANTED ones; None: not said
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Destination:
    """An account that a login can post to. `token` of None: the login's token serves it.

    `blocked` says why it cannot be used: a missing task, an unlinked account. It is a code with
    texts in `app/texts`.
    """

    external_id: str
    name: str
    handle: str | None = None
    avatar_url: str | None = None
    token: Secret | None = None
    account_type: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # page_id, page_name, counts, tasks
    blocked: str | None = None


@dataclass(frozen=True)
class FoundDestinations:
    """Not `is_complete`: an account that is missing here may still exist."""

    destinations: tuple[Destination, ...]
    is_complete: bool = True
    unreadable_ids: tuple[str, ...] = ()  # chosen in the dialog, but not readable


@dataclass(frozen=True)
class TokenInspection:
    """What the platform says about a token. `login_id`: whose it is; None: not said."""

    is_valid: bool
    expires_at: datetime | None = None  # None: no end
    data_access_until: datetime | None = None
    scopes: tuple[str, ...] = ()
    code: str | None = None  # why it is not valid
    login_id: str | None = None


class LoginFlow(Protocol):
    """One way to sign in at one platform. Errors of every call: PlatformError."""

    @property
    def rules(self) -> FlowRules: ...

    def authorize_url(
        self,
        *,
        state: str,
        scopes: Iterable[str] = (),
        force_consent: bool = False,
        code_verifier: str | None = None,
    ) -> str: ...
    def exchange_code(self, code: str, *, code_verifier: str | None = None) -> LoginGrant:
        """Exchange the code, up to the token with the longest lifetime."""
        ...

    def identify(self, grant: LoginGrant) -> LoginIdentity: ...
    def find_destinations(self, grant: LoginGrant) -> FoundDestinations: ...
    def renew(self, *, access_token: Secret, refresh_token: Secret | None) -> LoginGrant: ...
    def inspect_token(self, token: Secret) -> TokenInspection | None:
        """Ask whether a token is still valid; None if the platform cannot say."""
        ...

    def fetch_destination(self, external_id: str, token: Secret) -> Destination | None:
        """Fetch one destination again with the login's token, with a fresh token of its own."""
        ...

    def revoke(self, token: Secret) -> None: ...


class WebhookSubscriber(Protocol):
    """Subscribes a destination to the platform's webhooks; all calls are safe to repeat."""

    def subscribe(
        self, destination: Destination, token: Secret, fallback_token: Secret | None
    ) -> None:
        """Errors: Rejected with the platform's refusal."""
        ...

    def read_subscription(
        self, destination: Destination, token: Secret, fallback_token: Secret | None
    ) -> tuple[str, ...]:
        """Return the subscribed fields; empty if there is no subscription."""
        ...

    def unsubscribe(self, destination: Destination, token: Secret) -> None: ...
