"""Both logins read the sandbox's answers in whatever shape they come: the result is the same."""

import pytest

from tests.platforms.test_contract_odd_shapes import GENERAL_SHAPES, inject_shape

ADA, ALONE = "10150000000000001", "17841400000000004"
BAKERY = "17841400000000001"
FACEBOOK_ENDPOINTS = ("fb_code_exchange", "debug_token", "me", "me_permissions", "me_accounts")
INSTAGRAM_ENDPOINTS = ("ig_code_exchange", "ig_exchange_token", "me")


def describe_login(sandbox, login, who):
    """Return everything that a login gave, except tokens, which are new each time."""
    flow = sandbox.flow(login)
    grant = sandbox.connect(flow, who)
    identity, found = flow.identify(grant), flow.find_destinations(grant)
    accounts = [(each.external_id, each.name, each.details) for each in found.destinations]
    return (grant.lifetime is not None, identity, sorted(accounts, key=str), found.is_complete)


def applied_shapes(sandbox, endpoint):
    return {entry.get("fault") for entry in sandbox.calls(endpoint)}


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
@pytest.mark.parametrize("endpoint", FACEBOOK_ENDPOINTS)
def test_facebook_login_reads_every_shape(login_sandbox, endpoint, shape):
    expected = describe_login(login_sandbox, "facebook", ADA)
    assert len(expected[2]) == 2
    inject_shape(login_sandbox.raw, endpoint, shape)
    assert describe_login(login_sandbox, "facebook", ADA) == expected
    assert shape in applied_shapes(login_sandbox, endpoint)


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
@pytest.mark.parametrize("endpoint", INSTAGRAM_ENDPOINTS)
def test_instagram_login_reads_every_shape(login_sandbox, endpoint, shape):
    expected = describe_login(login_sandbox, "instagram", ALONE)
    inject_shape(login_sandbox.raw, endpoint, shape)
    assert describe_login(login_sandbox, "instagram", ALONE) == expected
    assert shape in applied_shapes(login_sandbox, endpoint)


@pytest.mark.parametrize("shape", GENERAL_SHAPES)
@pytest.mark.parametrize("endpoint", ["subscribed_apps_page", "subscribed_apps_ig"])
def test_subscriptions_are_read_in_every_shape(login_sandbox, endpoint, shape):
    flow = login_sandbox.flow()
    found = flow.find_destinations(login_sandbox.connect(flow, ADA))
    bakery = next(each for each in found.destinations if each.external_id == BAKERY)
    inject_shape(login_sandbox.raw, endpoint, shape)
    login_sandbox.subscriber().subscribe(bakery, bakery.token, None)
