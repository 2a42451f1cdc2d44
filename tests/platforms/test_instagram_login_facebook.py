"""The adapter's Facebook Login against the sandbox: consent, tokens, accounts, renewal."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from platforms.errors import AppRefused, Rejected, Revoked, TokenExpired, Unavailable
from platforms.instagram.facebook_login import FacebookLogin
from platforms.instagram.permissions import FACEBOOK_SCOPES
from platforms.logins import LoginGrant
from platforms.publishing import Capability
from platforms.sandbox.instagram.default_people import SYSTEM_USER_CONFIGURATION, USER_CONFIGURATION
from platforms.secret import Secret
from tests.platforms.hostile_server import set_responses
from tests.platforms.instagram_login_client import graph_error, json_response, make_graph

ADA, GRACE, LINUS = "10150000000000001", "10150000000000002", "10150000000000003"
BAKERY, STUDIO = "17841400000000001", "17841400000000002"
BAKERY_PAGE, STUDIO_PAGE = "61550000000000001", "61550000000000002"


@pytest.fixture
def flow(login_sandbox):
    return login_sandbox.flow()


@pytest.fixture
def stub_flow(server):
    """A flow whose server answers what a test sets."""
    return FacebookLogin(make_graph(server.url, "facebook"))


def change_app(flow, **changes):
    return FacebookLogin(replace(flow.graph, app=replace(flow.graph.app, **changes)))


def grant_of(token):
    return LoginGrant(Secret(token), None)


def query_of(url):
    return dict(parse_qsl(urlsplit(url).query))


def by_id(found):
    return {destination.external_id: destination for destination in found.destinations}


def test_the_dialog_asks_for_permissions_by_name(flow):
    url = flow.authorize_url(state="s&1")
    assert urlsplit(url).path == "/meta-auth/v26.0/dialog/oauth"
    assert query_of(url) == {
        "client_id": "1021",
        "redirect_uri": "https://app.example.com/api/auth/instagram/callback",
        "state": "s&1",
        "response_type": "code",
        "scope": ",".join(FACEBOOK_SCOPES),
    }


def test_the_dialog_asks_again_for_declined_permissions(flow):
    query = query_of(flow.authorize_url(state="s", scopes=["instagram_basic"], force_consent=True))
    assert (query["auth_type"], query["scope"]) == ("rerequest", "instagram_basic")


def test_a_configuration_replaces_the_permissions(login_sandbox):
    flow = login_sandbox.flow(config_id=USER_CONFIGURATION, graph_version="v27.0")
    url = flow.authorize_url(state="s")
    assert query_of(url)["config_id"] == USER_CONFIGURATION
    assert "scope" not in query_of(url)
    assert "/v27.0/" in url


def test_portfolios_are_requested_only_if_the_setting_says_so(login_sandbox):
    flow = login_sandbox.flow(business_management=True)
    assert "business_management" in query_of(flow.authorize_url(state="s"))["scope"].split(",")


def test_a_code_becomes_a_token_of_sixty_days(login_sandbox, flow):
    grant = login_sandbox.connect(flow, ADA)
    assert timedelta(days=59) < grant.lifetime < timedelta(days=61)
    assert grant.data_access_until is not None
    assert grant.scopes is None
    assert not grant.has_no_end


def test_the_tail_of_the_callback_is_no_part_of_the_code(login_sandbox, flow):
    code = login_sandbox.give_consent(flow, ADA)["code"]
    assert flow.exchange_code(code + "#_=_").access_token


def test_a_code_cannot_be_used_twice(login_sandbox, flow):
    code = login_sandbox.give_consent(flow, ADA)["code"]
    flow.exchange_code(code)
    with pytest.raises(Revoked) as error:
        flow.exchange_code(code)
    assert error.value.code == "invalid_grant"


def test_a_wrong_app_secret_is_the_operators_fault(login_sandbox, flow):
    code = login_sandbox.give_consent(flow, ADA)["code"]
    with pytest.raises(AppRefused) as error:
        change_app(flow, client_secret=Secret("wrong")).exchange_code(code)
    assert error.value.code == "invalid_credentials"


def test_no_secret_is_sent_in_a_url_except_the_token_that_is_inspected(server, stub_flow):
    set_responses(
        server,
        json_response(access_token="EAAshort", expires_in=3600),
        json_response(access_token="EAAlong", expires_in=5_183_944),
        json_response(data={"is_valid": True, "app_id": "1021", "user_id": "7"}),
    )
    assert stub_flow.exchange_code("AQcode").access_token == Secret("EAAlong")
    paths = [path for path, _ in server.requests]
    assert paths[:2] == ["/meta-graph/v26.0/oauth/access_token"] * 2
    assert paths[2].startswith("/meta-graph/v26.0/debug_token?input_token=EAAlong&appsecret_proof=")
    assert server.request_headers[2]["authorization"] == "Bearer 1021|facebooksecret"


def test_a_code_is_not_sent_twice_after_a_lost_answer(server):
    flow = FacebookLogin(make_graph(f"{server.url}/reset?", "facebook"))
    with pytest.raises(Unavailable):
        flow.exchange_code("AQcode")
    assert len(server.requests) == 1


def test_a_system_users_token_has_no_end_and_is_not_exchanged(login_sandbox):
    flow = login_sandbox.flow(config_id=SYSTEM_USER_CONFIGURATION)
    grant = login_sandbox.connect(flow, ADA)
    assert grant.has_no_end
    assert grant.lifetime is None
    identity = flow.identify(grant)
    assert identity.login_id
    assert "instagram_basic" in identity.scopes
    assert identity.details["client_business_id"]
    assert BAKERY in by_id(flow.find_destinations(grant))


def test_a_users_token_without_a_lifetime_is_exchanged_and_its_end_looked_up(login_sandbox, flow):
    login_sandbox.change_settings(user_token_expires_in=False)
    grant = login_sandbox.connect(flow, ADA)
    assert not grant.has_no_end
    assert timedelta(days=59) < grant.lifetime < timedelta(days=61)


def test_a_token_is_kept_if_nobody_says_how_long_it_lasts(server, stub_flow):
    set_responses(server, json_response(access_token="EAAlong"), graph_error(500, code=2))
    grant = stub_flow.renew(access_token=Secret("EAAold"), refresh_token=None)
    assert (grant.access_token, grant.lifetime) == (Secret("EAAlong"), None)


def test_granted_permissions_are_read_and_not_assumed(login_sandbox, flow):
    ticked = ["instagram_basic", "pages_show_list"]
    grant = login_sandbox.connect(flow, ADA, scopes=ticked)
    identity = flow.identify(grant)
    assert set(identity.scopes) - {"public_profile"} == set(ticked)
    assert (identity.login_id, identity.display_name) == (ADA, "Ada")


def test_every_account_is_found_with_the_token_of_its_page(login_sandbox, flow):
    found = flow.find_destinations(login_sandbox.connect(flow, ADA))
    assert found.is_complete
    assert set(by_id(found)) == {BAKERY, STUDIO}
    bakery = by_id(found)[BAKERY]
    assert (bakery.handle, bakery.blocked) == ("ada.bakes", None)
    assert bakery.details["page_id"] == BAKERY_PAGE
    assert bakery.details["page_name"] == "Ada's bakery"
    assert "MANAGE" in bakery.details["tasks"]
    assert bakery.details["followers_count"] == 1200
    assert bakery.token != by_id(found)[STUDIO].token


@pytest.mark.parametrize("listed", ["empty", "partial"])
def test_accounts_that_the_list_of_pages_hides_are_found_by_what_was_ticked(
    login_sandbox, flow, listed
):
    login_sandbox.change_settings(me_accounts=listed)
    found = flow.find_destinations(login_sandbox.connect(flow, ADA))
    assert set(by_id(found)) == {BAKERY, STUDIO}
    assert all(destination.token for destination in found.destinations)


def test_accounts_of_portfolios_are_found_if_nothing_else_names_them(login_sandbox):
    flow = login_sandbox.flow(business_management=True)
    login_sandbox.change_settings(me_accounts="empty", target_ids=False)
    found = flow.find_destinations(login_sandbox.connect(flow, ADA))
    assert set(by_id(found)) == {STUDIO}


def test_refused_portfolios_cost_nothing(login_sandbox):
    flow = login_sandbox.flow(business_management=True)
    ticked = list(FACEBOOK_SCOPES)
    found = flow.find_destinations(login_sandbox.connect(flow, ADA, scopes=ticked))
    assert set(by_id(found)) == {BAKERY, STUDIO}
    assert found.is_complete


def test_accounts_beyond_the_first_answer_are_found(login_sandbox, flow):
    pages = [{"name": f"P{number}", "account": {}} for number in range(120)]
    person = login_sandbox.add_person(name="Many", pages=pages)
    login_sandbox.change_settings(target_ids=False)
    found = flow.find_destinations(login_sandbox.connect(flow, person["person_id"]))
    assert set(by_id(found)) == set(person["account_ids"])


def test_an_account_that_was_not_ticked_is_not_found(login_sandbox, flow):
    choice = {"pages": [BAKERY_PAGE], "accounts": [BAKERY]}
    found = flow.find_destinations(login_sandbox.connect(flow, ADA, **choice))
    assert set(by_id(found)) == {BAKERY}


def test_an_account_whose_page_gives_no_publishing_task_is_blocked(login_sandbox, flow):
    (account,) = flow.find_destinations(login_sandbox.connect(flow, GRACE)).destinations
    assert account.blocked == "page_task_missing"


def test_somebody_without_pages_has_no_accounts(login_sandbox, flow):
    found = flow.find_destinations(login_sandbox.connect(flow, LINUS))
    assert (found.destinations, found.is_complete) == ((), True)


def test_a_ticked_page_that_cannot_be_read_is_named(server, stub_flow):
    targets = [{"scope": "pages_show_list", "target_ids": ["11", 12]}]
    page = {
        "id": "11",
        "name": "P",
        "access_token": "EAApage",
        "instagram_business_account": {"id": 17841, "followers_count": "7"},
    }
    set_responses(
        server,
        json_response(data=[]),
        json_response(data={"is_valid": "true", "granular_scopes": targets}),
        json_response(**page),
        graph_error(code=100, error_subcode=33),
    )
    grant = stub_flow.find_destinations(grant_of("EAAuser"))
    (account,) = grant.destinations
    assert (account.external_id, account.token) == ("17841", Secret("EAApage"))
    assert account.details["followers_count"] == 7
    assert (grant.unreadable_ids, grant.is_complete) == (("12",), False)


def test_a_ticked_account_without_a_readable_page_is_listed_and_blocked(server, stub_flow):
    targets = [{"scope": "instagram_basic", "target_ids": ["17841"]}]
    set_responses(
        server,
        json_response(data=[]),
        json_response(data={"is_valid": True, "granular_scopes": targets}),
        json_response(id="17841", username="ada"),
    )
    (account,) = stub_flow.find_destinations(grant_of("EAAuser")).destinations
    assert (account.handle, account.blocked) == ("ada", "page_not_readable")


def test_an_account_without_the_permission_is_blocked(server, stub_flow):
    account = {"id": "17841", "username": "ada"}
    set_responses(
        server,
        json_response(data=[{"id": "1", "name": "P", "instagram_business_account": account}]),
        json_response(
            data={
                "is_valid": True,
                "granular_scopes": [{"scope": "instagram_basic", "target_ids": ["99"]}],
            }
        ),
        graph_error(code=100, error_subcode=33),
    )
    found = stub_flow.find_destinations(grant_of("EAAuser"))
    assert by_id(found)["17841"].blocked == "permission_missing"
    assert found.unreadable_ids == ("99",)


def test_the_second_source_serves_if_the_first_fails(login_sandbox, flow):
    grant = login_sandbox.connect(flow, ADA)
    login_sandbox.inject_fault("me_accounts", "http_500", times=3)
    found = flow.find_destinations(grant)
    assert set(by_id(found)) == {BAKERY, STUDIO}
    assert not found.is_complete


def test_no_answer_at_all_is_an_error_and_not_an_empty_list(server, stub_flow):
    set_responses(server, graph_error(500, code=2))
    with pytest.raises(Unavailable):
        stub_flow.find_destinations(grant_of("EAAuser"))


def test_a_list_that_never_ends_is_left(server, stub_flow):
    page = {"id": "1", "name": "P", "instagram_business_account": {"id": "17841"}}
    paging = {"cursors": {"after": "same"}, "next": "https://graph.facebook.com/next"}
    answers = [json_response(data=[page], paging=paging)] * 2
    set_responses(server, *answers, json_response(data={"is_valid": True}))
    assert len(stub_flow.find_destinations(grant_of("EAAuser")).destinations) == 1
    assert len(server.requests) == 3


def test_one_account_is_fetched_again_with_the_token_of_its_page(login_sandbox, flow):
    grant = login_sandbox.connect(flow, ADA)
    login_sandbox.change_settings(me_accounts="partial")
    assert flow.fetch_destination(STUDIO, grant.access_token).token
    assert flow.fetch_destination("17841999", grant.access_token) is None


def test_a_renewal_gives_another_token_for_the_same_person(login_sandbox, flow):
    grant = login_sandbox.connect(flow, ADA)
    renewed = flow.renew(access_token=grant.access_token, refresh_token=None)
    assert renewed.access_token != grant.access_token
    assert (renewed.login_id, renewed.lifetime > timedelta(days=59)) == (ADA, True)


@pytest.mark.parametrize(
    ("subcode", "code"), [(458, "app_removed"), (460, "password_changed"), (463, "token_expired")]
)
def test_a_dead_token_cannot_be_renewed(login_sandbox, flow, subcode, code):
    person = login_sandbox.add_person(name="Dead")["person_id"]
    grant = login_sandbox.connect(flow, person)
    login_sandbox.kill_tokens(person, subcode)
    with pytest.raises(Revoked) as error:
        flow.renew(access_token=grant.access_token, refresh_token=None)
    assert error.value.code == code
    inspection = flow.inspect_token(grant.access_token)
    assert (inspection.is_valid, inspection.code) == (False, code)


def test_an_inspection_says_how_long_a_token_and_the_access_last(login_sandbox, flow):
    inspection = flow.inspect_token(login_sandbox.connect(flow, ADA).access_token)
    assert inspection.is_valid
    assert inspection.expires_at < inspection.data_access_until
    assert "instagram_basic" in inspection.scopes


def test_a_page_token_has_no_end(login_sandbox, flow):
    found = flow.find_destinations(login_sandbox.connect(flow, ADA))
    assert flow.inspect_token(by_id(found)[BAKERY].token).expires_at is None


@pytest.mark.parametrize("answer", ["object", "true"])
def test_a_revocation_removes_the_app(login_sandbox, flow, answer):
    login_sandbox.change_settings(revoke_answer=answer)
    person = login_sandbox.add_person(name="Leaving")["person_id"]
    grant = login_sandbox.connect(flow, person)
    flow.revoke(grant.access_token)
    with pytest.raises(TokenExpired) as error:
        flow.identify(grant)
    assert error.value.code == "app_removed"
    flow.revoke(grant.access_token)


def test_a_refused_revocation_is_an_error(server, stub_flow):
    set_responses(server, json_response(success=False))
    with pytest.raises(Unavailable):
        stub_flow.revoke(Secret("EAAuser"))


def test_permissions_that_are_not_listed_come_from_the_inspection(server, stub_flow):
    set_responses(
        server,
        json_response(id=7),
        graph_error(code=100),
        json_response(data={"is_valid": True, "scopes": ["instagram_basic"]}),
    )
    identity = stub_flow.identify(grant_of("EAAuser"))
    assert (identity.login_id, identity.scopes) == ("7", ("instagram_basic",))


def test_the_token_of_another_app_is_not_believed(server, stub_flow):
    set_responses(server, json_response(data={"is_valid": True, "app_id": "999"}))
    with pytest.raises(Unavailable):
        stub_flow.inspect_token(Secret("EAAuser"))


def test_the_rules_name_what_each_capability_needs(login_sandbox):
    rules = login_sandbox.flow(refresh_window=timedelta(days=20)).rules
    assert rules.required_scopes == {"instagram_basic", "pages_show_list"}
    assert rules.renewal.due_before_end == timedelta(days=20)
    assert set().union(*rules.scopes.values()) <= set(FACEBOOK_SCOPES)
    assert Capability.DELETE not in rules.scopes
    assert rules.has_chooser


def test_a_redirect_uri_that_is_not_registered_is_named(login_sandbox, flow):
    code = login_sandbox.give_consent(flow, ADA)["code"]
    with pytest.raises(Rejected) as error:
        change_app(flow, redirect_uri="https://app.example.com/other").exchange_code(code)
    assert error.value.code == "redirect_uri_mismatch"
