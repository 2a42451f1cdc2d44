"""One suite for every adapter and login, against its sandbox: sign-in, tokens, calls, deliveries.

What differs between platforms is in their profiles; no platform is named here. Publishing, events,
errors and odd shapes have files of their own.
"""

import contextlib
import inspect
from datetime import UTC, datetime, timedelta

import pytest

from platforms.base import Actor, WebhookAdapter
from platforms.comments import Comments
from platforms.errors import Rejected, Revoked, TokenExpired, Unavailable
from platforms.insights_base import DetailedInsights, Insights
from platforms.logins import LoginFlow, WebhookSubscriber
from platforms.places import PlaceSearch
from platforms.publishing import StepPublisher
from platforms.registry import PLATFORMS
from platforms.secret import Secret
from tests.platforms.sandbox_runners import SANDBOX_RUNNERS

AMBIGUOUS_FAULTS = ("drop_after", "reset", "truncate", "html_200")
ERROR_RESPONSES = ("http_500", "http_429")
ADAPTER_PROTOCOLS = {
    "webhooks": WebhookAdapter,
    "flow": LoginFlow,
    "step_publisher": StepPublisher,
    "comments": Comments,
    "subscriber": WebhookSubscriber,
    "insights": Insights,
    "detailed_insights": DetailedInsights,
    "places": PlaceSearch,
}


def renew(account, grant=None):
    grant = grant or account.grant
    return account.adapter.flow.renew(
        access_token=grant.access_token, refresh_token=grant.refresh_token
    )


@pytest.fixture
def renewable_account(contract_account):
    """An account whose token is old enough to be renewed."""
    contract_account.sandbox.advance_clock(contract_account.sandbox.profile.renewal_age)
    return contract_account


def test_every_adapter_has_a_sandbox(contract_sandbox):
    assert contract_sandbox.adapter.name == contract_sandbox.profile.platform
    assert {name.partition("_")[0] for name in SANDBOX_RUNNERS} == set(PLATFORMS)


@pytest.mark.parametrize("part", ADAPTER_PROTOCOLS)
def test_an_adapter_implements_every_method_of_its_protocol(contract_sandbox, part):
    implementation, protocol = getattr(contract_sandbox.adapter, part), ADAPTER_PROTOCOLS[part]
    if implementation is None:
        pytest.skip("the adapter does not offer this part")
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if not name.startswith("_"):
            parameters = parameter_names(getattr(implementation, name))
            assert parameters == parameter_names(method) - {"self"}


def parameter_names(function):
    return set(inspect.signature(function).parameters)


def test_every_failure_reason_is_a_sentence_and_names_who_has_to_act(contract_sandbox):
    assert contract_sandbox.adapter.failure_reasons
    for reason in contract_sandbox.adapter.failure_reasons.values():
        assert reason.sentence.endswith(".")
        assert isinstance(reason.actor, Actor)


def test_consent_becomes_a_grant(contract_account):
    grant = contract_account.grant
    assert grant.lifetime > timedelta(0)
    assert set(contract_account.sandbox.profile.scopes) <= set(contract_account.scopes)
    assert grant.access_token.reveal() not in repr(grant)


def test_a_code_can_be_used_once(contract_sandbox, contract_account):
    code = contract_sandbox.grant_consent(contract_account.person)["code"]
    contract_sandbox.adapter.flow.exchange_code(code)
    with pytest.raises((Revoked, Rejected)):
        contract_sandbox.adapter.flow.exchange_code(code)


def test_a_renewed_token_works_and_ends_the_old_one_where_they_rotate(renewable_account):
    profile = renewable_account.sandbox.profile
    new_grant = renew(renewable_account)
    assert new_grant.lifetime > timedelta(0)
    identity = renewable_account.adapter.flow.identify(new_grant)
    assert new_grant.login_id in {None, identity.login_id}
    if profile.rotates_refresh_token:
        assert new_grant.access_token != renewable_account.grant.access_token
        with pytest.raises(Revoked):
            renew(renewable_account)
    renewable_account.sandbox.advance_clock(profile.renewal_age)
    renew(renewable_account, new_grant)


def test_a_token_that_has_ended_cannot_be_renewed(renewable_account):
    renewable_account.sandbox.profile.end_access(renewable_account)
    with pytest.raises(Revoked):
        renew(renewable_account)


def test_an_identity_belongs_to_the_grant(contract_account):
    identity = contract_account.adapter.flow.identify(contract_account.grant)
    assert identity.login_id
    assert contract_account.grant.login_id in {None, identity.login_id}


def test_another_person_has_another_identity_and_account(contract_sandbox, contract_account):
    other, identify = contract_sandbox.connect_account(), contract_sandbox.adapter.flow.identify
    assert other.id != contract_account.id
    assert identify(other.grant).login_id != identify(contract_account.grant).login_id


def test_the_token_of_an_ended_grant_is_refused(contract_account):
    profile = contract_account.sandbox.profile
    assert profile.authorized_call(contract_account, contract_account.token) is not None
    profile.end_access(contract_account)
    with pytest.raises(TokenExpired):
        profile.authorized_call(contract_account, contract_account.token)


def test_an_unknown_token_is_refused(contract_account):
    with pytest.raises(TokenExpired):
        contract_account.sandbox.profile.authorized_call(contract_account, Secret("act.unknown"))


def test_a_subscription_is_kept_until_it_is_ended(contract_account):
    subscriber, destination = contract_account.adapter.subscriber, contract_account.destination
    if subscriber is None:
        pytest.skip("the platform needs no subscriptions of accounts")
    tokens = (contract_account.token, contract_account.fallback_token)
    assert not subscriber.read_subscription(destination, *tokens)
    for _ in range(2):  # it is safe to repeat
        subscriber.subscribe(destination, *tokens)
        assert subscriber.read_subscription(destination, *tokens)
    subscriber.unsubscribe(destination, contract_account.token)
    assert not subscriber.read_subscription(destination, *tokens)


@pytest.mark.parametrize("kind", [*ERROR_RESPONSES, "drop_after", "reset", "truncate"])
def test_a_safe_call_survives_a_fault(contract_sandbox, contract_account, kind):
    for endpoint, call in contract_sandbox.profile.safe_calls.items():
        before = contract_sandbox.inject_fault(endpoint, kind)
        assert call(contract_account)
        assert len(contract_sandbox.log(endpoint)) == before + 2


@pytest.mark.parametrize("kind", ERROR_RESPONSES)
def test_a_refused_renewal_is_repeated(contract_sandbox, renewable_account, kind):
    endpoint = contract_sandbox.profile.token_endpoint
    before = contract_sandbox.inject_fault(endpoint, kind)
    assert renew(renewable_account).access_token
    assert len(contract_sandbox.log(endpoint)) == before + 2


@pytest.mark.parametrize("kind", AMBIGUOUS_FAULTS)
def test_a_renewal_that_may_have_arrived_is_sent_again_only_where_that_is_safe(
    contract_sandbox, renewable_account, kind
):
    """Where it is safe the repetition may be refused as too early; the token still works."""
    profile = contract_sandbox.profile
    before = contract_sandbox.inject_fault(profile.token_endpoint, kind)
    max_calls = 2 if profile.is_renewal_repeatable else 1
    with contextlib.suppress(Rejected, Unavailable):
        assert renew(renewable_account).access_token
        assert profile.is_renewal_repeatable
    assert 1 <= len(contract_sandbox.log(profile.token_endpoint)) - before <= max_calls
    if profile.is_renewal_repeatable:
        assert profile.authorized_call(renewable_account, renewable_account.token) is not None


def test_an_altered_delivery_is_refused(contract_sandbox, contract_account):
    profile, webhooks = contract_sandbox.profile, contract_sandbox.adapter.webhooks
    next(iter(profile.events.values()))(contract_account)
    headers, body = contract_sandbox.deliveries.get(timeout=10)
    assert webhooks.verify(headers, body, now=datetime.now(UTC)).ok
    assert not webhooks.verify(headers, body + b" ", now=datetime.now(UTC)).ok
    assert not webhooks.verify({}, body, now=datetime.now(UTC)).ok
