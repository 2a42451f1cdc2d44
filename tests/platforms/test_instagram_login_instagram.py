"""The adapter's Instagram Login against the sandbox: consent, tokens, identity, renewal."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from platforms.errors import AppRefused, RateLimited, Rejected, Revoked, TokenExpired, Unavailable
from platforms.instagram.instagram_login import InstagramLogin
from platforms.instagram.permissions import INSTAGRAM_SCOPES
from platforms.logins import LoginGrant
from platforms.publishing import Capability
from platforms.secret import Secret
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.instagram_login_client import graph_error, json_response, make_graph

ALONE = "17841400000000004"
A_DAY = 86_400.0  # seconds


@pytest.fixture
def flow(login_sandbox):
    return login_sandbox.flow("instagram")


@pytest.fixture
def stub_flow(server):
    return InstagramLogin(make_graph(server.url, "instagram"))


def stub_grant():
    return LoginGrant(Secret("IGstub"), None)


def add_account(sandbox, **traits):
    return sandbox.add_person(name="Solo", accounts=[traits])["account_ids"][0]


def test_the_dialog_asks_who_signs_in_and_offers_no_login_with_facebook(flow):
    url = flow.authorize_url(state="s")
    assert urlsplit(url).path == "/instagram-auth/oauth/authorize"
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "client_id": "2021",
        "redirect_uri": "https://app.example.com/api/auth/instagram/callback",
        "response_type": "code",
        "scope": ",".join(INSTAGRAM_SCOPES),
        "state": "s",
        "enable_fb_login": "false",
        "force_reauth": "true",
    }


@pytest.mark.parametrize("code_answer", ["flat", "data"])
@pytest.mark.parametrize("user_id_type", ["number", "string"])
@pytest.mark.parametrize("permissions_type", ["list", "text"])
def test_a_code_becomes_a_token_of_sixty_days_in_every_form_of_the_answer(
    login_sandbox, flow, code_answer, user_id_type, permissions_type
):
    login_sandbox.change_settings(
        code_answer=code_answer, user_id_type=user_id_type, permissions_type=permissions_type
    )
    code = login_sandbox.give_consent(flow, ALONE)["code"]
    grant = flow.exchange_code(f"{code}#_")
    assert timedelta(days=59) < grant.lifetime < timedelta(days=61)
    assert set(grant.scopes) == set(INSTAGRAM_SCOPES)
    assert (grant.login_id, grant.refresh_token) == (None, None)


def test_an_answer_without_permissions_grants_the_requested_ones(server, stub_flow):
    set_responses(
        server,
        json_response(access_token="IGshort", user_id=1),
        json_response(access_token="IGlong", expires_in=5_183_944),
    )
    assert stub_flow.exchange_code("AQ").scopes == INSTAGRAM_SCOPES


def test_unticked_permissions_are_missing_in_the_grant(login_sandbox, flow):
    grant = login_sandbox.connect(flow, ALONE, scopes=["instagram_business_basic"])
    assert grant.scopes == ("instagram_business_basic",)


def test_the_account_is_named_by_user_id_and_the_other_id_is_an_alias(login_sandbox, flow):
    grant = login_sandbox.connect(flow, ALONE)
    identity = flow.identify(grant)
    assert identity.login_id == ALONE
    assert identity.aliases == (login_sandbox.state.accounts[ALONE].app_scoped_id,)
    assert identity.scopes == grant.scopes


def test_the_account_itself_is_the_only_destination(login_sandbox, flow):
    found = flow.find_destinations(login_sandbox.connect(flow, ALONE))
    (account,) = found.destinations
    assert (account.external_id, account.handle) == (ALONE, "grace.alone")
    assert (account.account_type, account.token, account.blocked) == ("BUSINESS", None, None)
    assert account.details["followers_count"] == 1200


def test_an_answer_without_user_id_names_nobody(server, stub_flow):
    set_responses(server, json_response(id="2540", username="ada"))
    assert stub_flow.identify(stub_grant()).login_id is None
    found = stub_flow.find_destinations(stub_grant())
    assert (found.destinations, found.is_complete) == ((), False)


def test_another_account_is_not_the_requested_one(login_sandbox, flow):
    token = login_sandbox.connect(flow, ALONE).access_token
    assert flow.fetch_destination(ALONE, token).external_id == ALONE
    assert flow.fetch_destination("17841999", token) is None


def test_a_code_cannot_be_used_twice(login_sandbox, flow):
    code = login_sandbox.give_consent(flow, ALONE)["code"]
    flow.exchange_code(code)
    with pytest.raises(Revoked) as error:
        flow.exchange_code(code)
    assert error.value.code == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "kind", "code"),
    [
        ({"client_key": "9"}, AppRefused, "invalid_credentials"),
        ({"client_secret": Secret("wrong")}, AppRefused, "invalid_credentials"),
        ({"redirect_uri": "https://other.example.com"}, Rejected, "redirect_uri_mismatch"),
    ],
)
def test_a_wrong_registration_differs_from_a_wrong_code(login_sandbox, flow, changes, kind, code):
    consent = login_sandbox.give_consent(flow, ALONE)
    other = InstagramLogin(replace(flow.graph, app=replace(flow.graph.app, **changes)))
    with pytest.raises(kind) as error:
        other.exchange_code(consent["code"])
    assert error.value.code == code


def test_a_fault_of_the_host_is_no_refused_code(login_sandbox, flow):
    code = login_sandbox.give_consent(flow, ALONE)["code"]
    login_sandbox.inject_fault("ig_code_exchange", "http_500", times=3)
    with pytest.raises(Unavailable):
        flow.exchange_code(code)
    assert flow.exchange_code(code).access_token


@pytest.mark.parametrize("keeps_token", [True, False])
def test_a_token_of_a_day_is_renewed_and_the_owner_of_a_new_one_is_read(
    login_sandbox, flow, keeps_token
):
    login_sandbox.change_settings(refresh_keeps_token=keeps_token)
    grant = login_sandbox.connect(flow, add_account(login_sandbox))
    login_sandbox.state.sandbox.advance(A_DAY + 1)
    login_id = flow.identify(grant).login_id
    calls_before = len(login_sandbox.calls("me"))
    renewed = flow.renew(access_token=grant.access_token, refresh_token=None)
    assert renewed.lifetime > timedelta(days=59)
    assert (renewed.access_token == grant.access_token) is keeps_token
    assert renewed.login_id == (None if keeps_token else login_id)
    assert len(login_sandbox.calls("me")) == calls_before + (not keeps_token)


def test_a_new_token_is_kept_if_nothing_says_whose_it_is(login_sandbox, flow):
    login_sandbox.change_settings(refresh_keeps_token=False)
    grant = login_sandbox.connect(flow, add_account(login_sandbox))
    login_sandbox.state.sandbox.advance(A_DAY + 1)
    login_sandbox.inject_fault("me", "http_500", times=10)
    renewed = flow.renew(access_token=grant.access_token, refresh_token=None)
    assert renewed.access_token != grant.access_token
    assert renewed.login_id is None


def test_a_new_token_of_another_account_is_named_as_such(login_sandbox, flow):
    """The caller compares it: it knows whose token it renewed."""
    login_sandbox.change_settings(refresh_keeps_token=False)
    grant = login_sandbox.connect(flow, add_account(login_sandbox))
    login_sandbox.state.sandbox.advance(A_DAY + 1)
    fields = {"user_id": "17841499999999999"}
    login_sandbox.raw.control("faults", endpoint="me", kind="other_values", fields=fields)
    renewed = flow.renew(access_token=grant.access_token, refresh_token=None)
    assert renewed.login_id == "17841499999999999"


def test_a_young_token_is_refused_and_stays_good(login_sandbox, flow):
    grant = login_sandbox.connect(flow, add_account(login_sandbox))
    with pytest.raises(Rejected):
        flow.renew(access_token=grant.access_token, refresh_token=None)
    assert flow.rules.renewal.min_age == timedelta(hours=24)
    assert flow.identify(grant).login_id


@pytest.mark.parametrize(("subcode", "code"), [(460, "password_changed"), (463, "token_expired")])
def test_a_dead_token_cannot_be_renewed(login_sandbox, flow, subcode, code):
    account = add_account(login_sandbox)
    grant = login_sandbox.connect(flow, account)
    assert flow.inspect_token(grant.access_token) is None
    login_sandbox.kill_tokens(account, subcode)
    with pytest.raises(Revoked) as error:
        flow.renew(access_token=grant.access_token, refresh_token=None)
    assert error.value.code == code
    assert flow.inspect_token(grant.access_token).code == code


def test_a_dead_token_is_recognised_although_the_renewal_calls_it_an_unsupported_request(
    server, stub_flow
):
    set_responses(
        server,
        graph_error(code=100, message="Unsupported request - method type: get"),
        graph_error(401, code=190),
    )
    with pytest.raises(Revoked):
        stub_flow.renew(access_token=Secret("IGdead"), refresh_token=None)


def test_an_unreadable_token_is_recognised_with_status_401(login_sandbox, flow):
    with pytest.raises(TokenExpired) as error:
        flow.find_destinations(stub_grant())
    assert error.value.code == "token_invalid"


def test_a_limit_during_the_exchange_is_no_refused_code(server, stub_flow):
    set_responses(server, http_response(429, b"{}"))
    with pytest.raises(RateLimited) as error:
        stub_flow.exchange_code("AQ")
    assert error.value.code == "rate_limit_exceeded"


def test_a_revocation_makes_no_call(server, stub_flow):
    stub_flow.revoke(Secret("IG"))
    assert server.requests == []


def test_the_rules_offer_no_mentions_and_no_places(flow):
    assert {Capability.MENTIONS, Capability.LOCATION}.isdisjoint(flow.rules.scopes)
    assert flow.rules.required_scopes == {"instagram_business_basic"}
