"""What the contract suite has to know about each platform: posts, endpoints, events.

Another adapter adds a profile in a module of its own, and a runner in `sandbox_runners.py`; the
suite stays the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from platforms.base import Phase
from platforms.publishing import MediaItem

AccountCall = Callable[[Any], Any]  # takes a connected account of the sandbox
OUR_FILE_ID = 1  # media id of the video that the suite has; the platform gets its bytes


@dataclass(frozen=True)
class ContractPost:
    """One way to publish.

    `calls`: step → endpoint of the call that the step is about; only the unsafe one may make the
    post visible. `ends_in`: phase of the post when no step is left.
    """

    kind: str
    media: tuple[MediaItem, ...]
    calls: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)
    ends_in: Phase = Phase.PUBLISHED


@dataclass(frozen=True)
class ShapeCall:
    """A call whose answer is sent in odd shapes.

    `run` takes the account and what `prepare` made once, and returns what has to be the same in
    every shape. `is_spent`: what was prepared serves only one call.
    """

    run: Callable[[Any, Any], Any]
    prepare: AccountCall = lambda account: account
    is_spent: bool = False


@dataclass(frozen=True)
class PlatformProfile:
    """One platform with one of its logins. Endpoints have the names of the sandbox's log."""

    platform: str  # as in the registry
    scopes: tuple[str, ...]
    posts: Mapping[str, ContractPost]
    token_endpoint: str  # of a renewal
    safe_calls: Mapping[str, AccountCall]  # endpoint → a call that may be repeated
    authorized_call: Callable[[Any, Any], Any]  # takes the account and an access token
    end_access: AccountCall  # the person or the app ends the grant
    # our kind of event → lets the platform send one about the account
    events: Mapping[str, AccountCall]
    # unsafe steps of which the platform cannot say that they had no effect
    unprovable_steps: frozenset[str] = frozenset()
    rotates_refresh_token: bool = False  # whether a renewal ends the token that it used
    is_renewal_repeatable: bool = True  # whether it is sent again if it may have arrived
    renewal_age: float = 0.0  # seconds; a younger token is not renewed
    shape_calls: Mapping[str, ShapeCall] = field(default_factory=dict)  # endpoint → call
    answer_fields: tuple[str, ...] = ()  # fields of the answers to these calls
    # endpoints that are called with another login, or like one of `shape_calls`
    other_endpoints: frozenset[str] = frozenset()
    # vendor's fields of an error → our error class and code, wherever it is answered
    error_cases: tuple[tuple[Mapping[str, Any], type[Exception], str], ...] = ()
    error_endpoint: str = ""
    error_call: AccountCall = lambda account: account
