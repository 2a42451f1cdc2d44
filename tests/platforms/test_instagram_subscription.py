"""Subscribing accounts to webhooks, against the sandbox."""

import pytest

from platforms.errors import Rejected, TokenExpired
from platforms.instagram.subscription import InstagramSubscriber
from platforms.logins import Destination
from platforms.secret import Secret
from tests.platforms.hostile_server import set_responses
from tests.platforms.instagram_login_client import graph_error, json_response, make_graph

ADA, BAKERY, ALONE = "10150000000000001", "17841400000000001", "17841400000000004"
BAKERY_PAGE = "61550000000000001"
TOKEN = Secret("EAApage")
ACCOUNT = Destination("17841", "Ada", details={"page_id": "11"})
ALL_FIELDS = {"comments", "live_comments", "mentions", "story_insights"}


@pytest.fixture
def bakery(login_sandbox):
    flow = login_sandbox.flow()
    found = flow.find_destinations(login_sandbox.connect(flow, ADA))
    return next(each for each in found.destinations if each.external_id == BAKERY)


@pytest.fixture
def stub_subscriber(server):
    return InstagramSubscriber(make_graph(server.url, "facebook"))


def test_an_account_behind_a_page_is_subscribed_by_two_calls(login_sandbox, bakery):
    subscriber = login_sandbox.subscriber(subscribe_edge="auto")
    subscriber.subscribe(bakery, bakery.token, None)
    state = login_sandbox.state
    assert state.pages[BAKERY_PAGE].subscribed_fields == ("feed",)
    assert set(state.accounts[BAKERY].subscribed_fields["facebook"]) == ALL_FIELDS
    assert set(subscriber.read_subscription(bakery, bakery.token, None)) == ALL_FIELDS | {"feed"}
    subscriber.subscribe(bakery, bakery.token, None)


def test_half_a_subscription_is_none(login_sandbox, bakery):
    subscriber = login_sandbox.subscriber()
    subscriber.subscribe(bakery, bakery.token, None)
    login_sandbox.state.pages[BAKERY_PAGE].subscribed_fields = ()
    assert subscriber.read_subscription(bakery, bakery.token, None) == ()


def test_a_subscription_ends_on_both_edges(login_sandbox, bakery):
    subscriber = login_sandbox.subscriber()
    subscriber.subscribe(bakery, bakery.token, None)
    subscriber.unsubscribe(bakery, bakery.token)
    subscriber.unsubscribe(bakery, bakery.token)
    state = login_sandbox.state
    assert state.pages[BAKERY_PAGE].subscribed_fields == ()
    assert state.accounts[BAKERY].subscribed_fields == {}


@pytest.mark.parametrize("edge", ["page", "account"])
def test_a_single_edge_can_be_chosen(login_sandbox, bakery, edge):
    login_sandbox.state.accounts[BAKERY].subscribed_fields = {}
    login_sandbox.state.pages[BAKERY_PAGE].subscribed_fields = ()
    login_sandbox.subscriber(subscribe_edge=edge).subscribe(bakery, bakery.token, None)
    assert bool(login_sandbox.state.pages[BAKERY_PAGE].subscribed_fields) is (edge == "page")
    assert bool(login_sandbox.state.accounts[BAKERY].subscribed_fields) is (edge == "account")


def test_an_account_of_instagram_login_is_subscribed_by_one_call(login_sandbox):
    flow = login_sandbox.flow("instagram")
    grant = login_sandbox.connect(flow, ALONE)
    account = flow.find_destinations(grant).destinations[0]
    subscriber = login_sandbox.subscriber("instagram")
    subscriber.subscribe(account, grant.access_token, None)
    fields = subscriber.read_subscription(account, grant.access_token, None)
    assert fields == ("comments", "live_comments")


def test_a_refusal_carries_the_platforms_sentence(login_sandbox):
    flow = login_sandbox.flow()
    scopes = ["instagram_basic", "pages_show_list"]
    person = login_sandbox.add_person(pages=[{"account": {}}])["person_id"]
    found = flow.find_destinations(login_sandbox.connect(flow, person, scopes=scopes))
    account = found.destinations[0]
    with pytest.raises(Rejected, match="does not have permission") as error:
        login_sandbox.subscriber().subscribe(account, account.token, None)
    assert error.value.code == "permission_missing"


def test_a_subscription_that_is_not_kept_is_a_refusal(server, stub_subscriber):
    done, nothing = json_response(success=True), json_response(data=[])
    set_responses(server, done, done, nothing)
    with pytest.raises(Rejected) as error:
        stub_subscriber.subscribe(ACCOUNT, TOKEN, None)
    assert error.value.code == "subscription_not_kept"


def test_the_subscription_of_another_app_is_not_ours(server, stub_subscriber):
    app = {"id": "999", "subscribed_fields": ["feed", "comments"]}
    set_responses(server, json_response(data=[app]))
    assert stub_subscriber.read_subscription(ACCOUNT, TOKEN, None) == ()


def test_the_logins_token_serves_if_the_pages_cannot_read_the_account(server, stub_subscriber):
    hidden = graph_error(code=100, error_subcode=33)
    feed = json_response(data=[{"id": "1021", "subscribed_fields": ["feed"]}])
    comments = json_response(data=[{"app_id": 1021, "subscribed_fields": '["comments"]'}])
    set_responses(server, feed, hidden, comments)
    fields = stub_subscriber.read_subscription(ACCOUNT, TOKEN, Secret("EAAuser"))
    assert fields == ("feed", "comments")
    assert server.request_headers[-1]["authorization"] == "Bearer EAAuser"


def test_a_dead_token_is_not_a_missing_subscription(login_sandbox, bakery):
    login_sandbox.kill_tokens(ADA, 460)
    with pytest.raises(TokenExpired):
        login_sandbox.subscriber().read_subscription(bakery, bakery.token, None)
    login_sandbox.kill_tokens(ADA, 0)
